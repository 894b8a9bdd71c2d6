// Checks once whether the broker accepts AMQP connections: opens and closes a connection to every vhost with the
// configured credentials.

import type { Config, ConnectionConfig } from '../config/config.ts';
import { rascalSettings } from '../config/rascal-settings.ts';
import { redactor, secretsOf } from '../config/redact.ts';
import { MqError } from '../errors.ts';
import { defaultConnection } from '../login/apply.ts';
import { time } from '../time.ts';
import { openConnection } from './connecting/open-connection.ts';

/**
 * Connection timeout in milliseconds if the address sets none. It is short, so that a port that drops packets does not
 * delay the next check.
 */
const connectionMs = 5_000;

/**
 * Tries each address once. `addresses` come from --url or MQ_URL and are tried in the vhost that they name, otherwise
 * `/`. If `undefined`, the addresses of rascal.json are tried in `vhosts`. Throws the error that a role reports if it
 * cannot connect, and DEADLINE after `withinMs` or when `signal` aborts.
 */
export async function tryConnection(
  { config, addresses, vhosts: named = Object.keys(config.vhosts), command = 'wait' }: Tried,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<void> {
  const connectionName = `mq ${command} ${time.randomUUID().slice(0, 8)}`;
  const vhosts = addresses === undefined ? named : ['/'];
  const redact = redactor(secretsOf({ config, addresses: addresses ?? [] }));
  const opening = openConnection({
    rascalSettings: rascalSettings(withTimeouts(config), {
      publications: [],
      subscriptions: [],
      extraQueues: Object.fromEntries(vhosts.map((vhost) => [vhost, {}])),
      declare: false,
      ...(addresses && { addresses: addresses.map(withTimeout) }),
      connectionName,
      heartbeatSeconds: 10,
    }),
    connectionName,
    closeTimeoutMs: 1_000,
    redact,
  });
  // A connection that opens after the deadline is closed too.
  opening.then((connection) => connection.close()).catch(() => undefined);
  const late = Promise.withResolvers<never>();
  const end = () => late.reject(new MqError('DEADLINE', 'no answer'));
  const timer = time.after(withinMs, end);
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([opening, late.promise]);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', end);
  }
}

interface Tried {
  readonly config: Config;
  readonly addresses: readonly ConnectionConfig[] | undefined;
  /** Defaults to all vhosts of rascal.json. */
  readonly vhosts?: readonly string[];
  /** Name of the calling command. It is part of the connection name. Defaults to `wait`. */
  readonly command?: string;
}

function withTimeouts(config: Config): Config {
  const vhosts = Object.entries(config.vhosts).map(([name, vhost]) => {
    const connections = vhost.connections.length === 0 ? [defaultConnection(config)] : vhost.connections;
    return [name, { ...vhost, connections: connections.map(withTimeout) }] as const;
  });
  return { ...config, vhosts: Object.fromEntries(vhosts) };
}

function withTimeout(address: ConnectionConfig): ConnectionConfig {
  return { ...address, options: { connection_timeout: connectionMs, ...address.options } };
}
