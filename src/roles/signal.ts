// The error that says that a signal ended a role before its work was done (128 + the signal's number).

import { durationText } from '../config/duration.ts';
import type { Context, Said } from '../context.ts';
import { MqError } from '../errors.ts';

export function interrupted(context: Pick<Context, 'drain'>, detail = 'unfinished work was handed back'): MqError {
  const signal = typeof context.drain.reason === 'string' ? context.drain.reason : 'SIGTERM';
  return new MqError(signal === 'SIGINT' ? 'INTERRUPTED' : 'TERMINATED', `stopped by ${signal}: ${detail}`);
}

/** Resolves once the signal has come. */
export function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** Undefined at a signal: at the start there is nothing to finish, and an answer of the broker may take long. */
export function orDrain<T>(work: Promise<T>, { drain }: Context): Promise<{ value: T } | undefined> {
  return Promise.race([work.then((value) => ({ value })), aborted(drain)]);
}

/** The line at the first signal: what is in hand, how long it has, and what a second signal does. */
export function stopping(inHand: number, { drainMs, isTerminal }: { drainMs: number; isTerminal: boolean }): Said {
  const [messages, them] = inHand === 1 ? ['1 message', 'it'] : [`${inHand} messages`, 'them'];
  const again = isTerminal ? 'Ctrl-C again' : 'a second signal';
  const message = `stopping: ${messages} in hand, up to ${durationText(drainMs)}; ${again} hands ${them} back`;
  return { event: 'stopping', message, fields: { inHand, drainMs } };
}
