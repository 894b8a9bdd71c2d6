// Creates the error of work that a signal ended, waits for a signal, and returns the log line of the first signal.

import { durationText } from './config/duration.ts';
import type { Context, Said } from './context.ts';
import { MqError } from './errors.ts';

/**
 * Returns the error of work that a signal ended (exit status 128 + the signal's number).
 * @param detail the state of the unfinished work, for example that it was handed back
 */
export function interrupted(context: Pick<Context, 'drain'>, detail: string): MqError {
  const signal = typeof context.drain.reason === 'string' ? context.drain.reason : 'SIGTERM';
  return new MqError(signal === 'SIGINT' ? 'INTERRUPTED' : 'TERMINATED', `stopped by ${signal}: ${detail}`);
}

/** Returns the error of work that an abort of `drain` ended, for a message without the signal's name. */
export function interruption(
  { reason }: AbortSignal,
  message = 'interrupted',
  options: ConstructorParameters<typeof MqError>[2] = {},
): MqError {
  return new MqError(reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED', message, options);
}

/** Second signals that have ended connections. */
const ending = new WeakSet<AbortSignal>();

/** Records that a second signal has ended connections, so that their losses are not errors of the broker. */
export function endedConnections(abandon: AbortSignal): void {
  ending.add(abandon);
}

export function hasEndedConnections(abandon: AbortSignal): boolean {
  return ending.has(abandon);
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/**
 * Resolves when `work` ends or the signal aborts. Rejects if `work` does. `Promise.race` with one promise of the signal
 * would keep memory for each call until the signal aborts.
 */
export async function endedOrAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const stop = () => resolve(undefined);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  work.then(resolve, reject);
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Returns the result of `work`, or `undefined` after a signal, because nothing needs to be finished at the start. */
export function orDrain<T>(work: Promise<T>, { drain }: Context): Promise<{ value: T } | undefined> {
  return Promise.race([work.then((value) => ({ value })), aborted(drain)]);
}

/** Returns the log line for the first signal: messages in hand, their time, and the effect of a second signal. */
export function stopping(inHand: number, { drainMs, isTerminal }: { drainMs: number; isTerminal: boolean }): Said {
  const [messages, them] = inHand === 1 ? ['1 message', 'it'] : [`${inHand} messages`, 'them'];
  const again = isTerminal ? 'Ctrl-C again' : 'a second signal';
  const message = `stopping: ${messages} in hand, up to ${durationText(drainMs)}; ${again} hands ${them} back`;
  return { event: 'stopping', message, fields: { inHand, drainMs } };
}
