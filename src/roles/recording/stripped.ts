// Removes from a recorded message what must not travel: what a broker or mq added, and what would route it again.

import type { ConnectionConfig } from '../../config/config.ts';
import { credentialsOf } from '../../login/credentials.ts';
import type { Properties } from '../../session/wire.ts';

interface Stripping {
  /** User of the login. A message with another user-id closes the channel (RabbitMQ). `undefined` if unknown. */
  readonly user: string | undefined;
  /** Keeps the headers CC and BCC, which route the message to more queues. */
  readonly keepsCopies: boolean;
}

/**
 * Headers of dead-lettering, delivery counters, and the offset in a stream. RabbitMQ ignores x-death of a republished
 * message but carries it on.
 */
const ofBroker = /^(x-mq-.*|x-death|x-(first|last)-death-.*|x-delivery-count|x-acquired-count|x-stream-offset)$/;
const ofCopies: readonly string[] = ['CC', 'BCC'];
/** A reply address that leads only to the requester of the recorded request. */
const directReplyTo = 'amq.rabbitmq.reply-to';

export class Stripper {
  readonly #stripping: Stripping;
  /** Number of messages by the name of what was removed; the name of all headers of mq is `x-mq-*`. */
  readonly counts = new Map<string, number>();

  constructor(stripping: Stripping) {
    this.#stripping = stripping;
  }

  /** Returns the properties to send. Properties without anything to remove are returned unchanged. */
  strip(properties: Properties): Properties {
    const { userId, replyTo, headers } = properties;
    const { user, keepsCopies } = this.#stripping;
    const isStripped = (name: string) => ofBroker.test(name) || (!keepsCopies && ofCopies.includes(name));
    const removed = Object.keys(headers ?? {}).filter(isStripped);
    let kept = properties;
    if (headers && removed.length > 0) {
      const { headers: _, ...others } = kept;
      const left = Object.entries(headers).filter(([name]) => !isStripped(name));
      kept = left.length > 0 ? { ...others, headers: Object.fromEntries(left) } : others;
    }
    if (userId !== undefined && userId !== user) {
      const { userId: _, ...others } = kept;
      kept = others;
      removed.push('user-id');
    }
    if (replyTo?.startsWith(directReplyTo)) {
      const { replyTo: _, ...others } = kept;
      kept = others;
      removed.push('reply-to');
    }
    const groups = new Set(removed.map((name) => name.replace(/^(x-mq-|x-(?:first|last)-death-).*$/, '$1*')));
    for (const name of groups) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    return kept;
  }
}

/**
 * Returns the user of all these addresses. Returns `undefined` if they have several users, or if the user is in a token
 * or a certificate, where mq does not know it. Throws the errors of credentialsOf.
 */
export function loginUserOf(addresses: readonly ConnectionConfig[]): string | undefined {
  const logins = addresses.map(credentialsOf);
  const users = new Set(logins.map((login) => (login.kind === 'password' ? login.user : undefined)));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}
