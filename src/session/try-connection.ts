// One look at whether the broker takes AMQP: connection.open with the credentials, in every vhost, and away again.

import { randomUUID } from 'node:crypto';
import type { Config, ConnectionConfig } from '../config/config.ts';
import { redactor, secretsOf } from '../config/redact.ts';
import { rascalConfig } from '../config/runtime.ts';
import { MqError } from '../errors.ts';
import { openLink } from './link.ts';

/** Where an address does not say it: a port that drops what it is sent must not hold the next look back for long. */
const connectionMs = 5_000;

/**
 * Each address is tried once. `addresses`: from --url or MQ_URL, in the vhost they name, else `/`; undefined: those of
 * rascal.json, in the named vhosts. Throws what a role says where it cannot connect; DEADLINE after `withinMs`.
 */
export async function tryConnection(
  { config, addresses, vhosts: named = Object.keys(config.vhosts) }: Tried,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<void> {
  const connectionName = `mq wait ${randomUUID().slice(0, 8)}`;
  const vhosts = addresses === undefined ? named : ['/'];
  const redact = redactor(secretsOf({ config, addresses: addresses ?? [] }));
  const opening = openLink({
    rascalConfig: rascalConfig(patient(config), {
      publications: [],
      subscriptions: [],
      extraQueues: Object.fromEntries(vhosts.map((vhost) => [vhost, {}])),
      declare: false,
      ...(addresses && { addresses: addresses.map(timed) }),
      connectionName,
      heartbeatSeconds: 10,
    }),
    connectionName,
    closeTimeoutMs: 1_000,
    redact,
  });
  // It may come after the deadline.
  opening.then((link) => link.close()).catch(() => undefined);
  const late = Promise.withResolvers<never>();
  const end = () => late.reject(new MqError('DEADLINE', 'no answer'));
  const timer = setTimeout(end, withinMs);
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([opening, late.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}

interface Tried {
  readonly config: Config;
  readonly addresses: readonly ConnectionConfig[] | undefined;
  /** Default: every vhost of rascal.json. */
  readonly vhosts?: readonly string[];
}

function patient(config: Config): Config {
  const vhosts = Object.entries(config.vhosts).map(([name, vhost]) => {
    const connections = vhost.connections.length === 0 ? [{}] : vhost.connections;
    return [name, { ...vhost, connections: connections.map(timed) }] as const;
  });
  return { ...config, vhosts: Object.fromEntries(vhosts) };
}

function timed(address: ConnectionConfig): ConnectionConfig {
  return { ...address, options: { connection_timeout: connectionMs, ...address.options } };
}
