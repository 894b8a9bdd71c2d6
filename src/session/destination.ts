// Resolves the target of a publication to the broker's names.

import type { Config } from '../config/config.ts';
import type { DeadLetterConfig } from '../config/role.ts';
import { MqError } from '../errors.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';

/** Target of a publication, with the broker's names. */
export interface Destination {
  readonly vhost: string;
  readonly exchange: string;
  /** Default routing key. For a queue it is the queue's name. */
  readonly routingKey: string;
  /** The publication's own options (headers, expiration, …). */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Returns the target of a publication. Throws BUG if Rascal does not know the publication. */
export function destinationOf({ config }: BrokerConnection, name: string): Destination {
  const publication = config.publications[name];
  if (!publication) throw new MqError('BUG', `Rascal has no publication '${name}'`);
  const { vhost, exchange, destination, routingKey = '', options } = publication;
  if (exchange === undefined) return { vhost, options, exchange: '', routingKey: destination };
  return { vhost, options, exchange: destination, routingKey };
}

/**
 * Throws if the dead-letter target is in another vhost, because a channel publishes in one vhost only. `mq check`
 * reports this for roles of the file, but not for built-in ones.
 */
export function requireSameVhost({ vhosts, publications }: Config, vhost: string, dead: DeadLetterConfig): void {
  const isThere = 'queue' in dead ? vhosts[vhost]?.queues[dead.queue] : publications[dead.publication]?.vhost === vhost;
  if (isThere) return;
  const target = 'queue' in dead ? `queue '${dead.queue}'` : `publication '${dead.publication}'`;
  throw new MqError('CONFIG', `the ${target} for dead letters is not in the vhost '${vhost}'`, {
    hint: 'set deadLetter for the role or its subscription (mq.roles, mq.subscriptions)',
  });
}

/**
 * Throws if encryption is configured. Encryption is part of Rascal's publish and subscribe, which mq does not use, and
 * mq must not send plain text instead.
 */
export function refuseEncryption(what: string, encryption: unknown): void {
  if (encryption === undefined) return;
  throw new MqError('CONFIG', `the ${what} sets encryption, which mq does not support`, {
    hint: 'encrypt in the handler, or use Rascal itself',
  });
}
