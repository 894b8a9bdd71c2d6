// Waits for a broker that is not ready yet, for `mq wait` and for --wait of a role.

import type { Config, ConnectionConfig } from '../config/config.ts';
import { durationText } from '../config/duration.ts';
import { type ErrorCode, MqError } from '../errors.ts';
import { portHint } from '../session/failure.ts';
import { interruption } from '../signal.ts';
import { pause, time } from '../time.ts';

interface BrokerWait {
  readonly config: Config;
  /** Addresses of --url or MQ_URL. If `undefined`, the addresses in rascal.json are used. */
  readonly addresses: readonly ConnectionConfig[] | undefined;
  /** Vhosts that must exist, by their names in rascal.json. Default: all. */
  readonly vhosts?: readonly string[];
  readonly timeoutMs: number;
  /** Is aborted by a signal. */
  readonly drain: AbortSignal;
  /** Is called with the reason why the broker is not ready, once for each reason. */
  readonly onReason: (reason: string) => void;
}

const pauseMs = 200;
/**
 * Errors that waiting does not resolve. A refused login (NOT_PERMITTED) is one of them, because a starting broker loads
 * its users before it opens its port.
 */
const final: readonly ErrorCode[] = ['NOT_PERMITTED', 'CONFIG', 'TLS', 'USAGE', 'NO_INPUT', 'BAD_DATA', 'BUG'];

/**
 * Waits until a broker accepts a connection, the login and the vhost. Returns how long this took, in milliseconds.
 * @throws MqError UNAVAILABLE at the deadline, INTERRUPTED or TERMINATED at a signal, and immediately any error in
 * `final`
 */
export async function awaitBroker({ timeoutMs, drain, onReason, ...broker }: BrokerWait): Promise<number> {
  const { tryConnection } = await import('../session/try-connection.ts');
  const started = time.now();
  const reported = new Set<string>();
  let last = new MqError('UNAVAILABLE', 'no answer', { hint: portHint });
  const elapsed = () => time.now() - started;
  while (elapsed() < timeoutMs && !drain.aborted) {
    try {
      await tryConnection(broker, { withinMs: timeoutMs - elapsed(), signal: drain });
      return elapsed();
    } catch (error) {
      if (drain.aborted) break;
      if (!(error instanceof MqError) || final.includes(error.code)) throw error;
      if (error.code !== 'DEADLINE') last = error;
    }
    if (!reported.has(last.message)) onReason(last.message);
    reported.add(last.message);
    await pause(Math.min(pauseMs, Math.max(0, timeoutMs - elapsed())), { signal: drain });
  }
  if (drain.aborted) throw interruption(drain);
  const { message, hint } = last;
  throw new MqError('UNAVAILABLE', `no broker accepted a connection within ${durationText(timeoutMs)}: ${message}`, {
    ...(hint !== undefined && { hint }),
    cause: last,
  });
}
