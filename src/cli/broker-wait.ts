// Waits for a broker that is not ready yet, for `mq wait` and for --wait of a role.

import { setTimeout } from 'node:timers/promises';
import type { Config, ConnectionConfig } from '../config/config.ts';
import { durationText } from '../config/duration.ts';
import { type ErrorCode, MqError } from '../errors.ts';
import { portHint } from '../session/failure.ts';

interface BrokerWait {
  readonly config: Config;
  /** Addresses of --url or MQ_URL. If `undefined`, those of rascal.json are used. */
  readonly addresses: readonly ConnectionConfig[] | undefined;
  /** Names in rascal.json of the vhosts that must exist. Default: all. */
  readonly vhosts?: readonly string[];
  readonly timeoutMs: number;
  /** Aborts at a signal. */
  readonly drain: AbortSignal;
  /** Called with the reason why the broker is not ready, once for each reason. */
  readonly tell: (reason: string) => void;
}

const pauseMs = 200;
/**
 * Errors that waiting does not resolve. A starting broker does not refuse a login, because it loads its users before it
 * opens its port.
 */
const final: readonly ErrorCode[] = ['NOT_PERMITTED', 'CONFIG', 'TLS', 'USAGE', 'NO_INPUT', 'BUG'];

/**
 * Returns the milliseconds until a broker accepted a connection, the login and the vhost.
 * @throws MqError UNAVAILABLE at the deadline; errors that waiting does not resolve at once; INTERRUPTED or TERMINATED
 * at a signal
 */
export async function awaitBroker({ timeoutMs, drain, tell, ...broker }: BrokerWait): Promise<number> {
  const { tryConnection } = await import('../session/try-connection.ts');
  const started = performance.now();
  const told = new Set<string>();
  let last = new MqError('UNAVAILABLE', 'no answer', { hint: portHint });
  const elapsed = () => performance.now() - started;
  while (elapsed() < timeoutMs && !drain.aborted) {
    try {
      await tryConnection(broker, { withinMs: timeoutMs - elapsed(), signal: drain });
      return elapsed();
    } catch (error) {
      if (drain.aborted) break;
      if (!(error instanceof MqError) || final.includes(error.code)) throw error;
      if (error.code !== 'DEADLINE') last = error;
    }
    if (!told.has(last.message)) tell(last.message);
    told.add(last.message);
    await setTimeout(Math.min(pauseMs, Math.max(0, timeoutMs - elapsed())), undefined, { signal: drain }).catch(
      () => undefined,
    );
  }
  if (drain.aborted) throw new MqError(drain.reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED', 'interrupted');
  const { message, hint } = last;
  throw new MqError('UNAVAILABLE', `no broker accepted a connection within ${durationText(timeoutMs)}: ${message}`, {
    ...(hint !== undefined && { hint }),
    cause: last,
  });
}
