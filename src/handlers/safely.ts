// What every handler is wrapped in: nothing it does escapes as a throw, and nothing takes longer than its deadline.

import type { Handler, HandlerContext, Message, Outcome } from './handler.ts';
import { thrownReason } from './reason.ts';

export interface Bounds {
  /** Milliseconds for one message; undefined: no bound. */
  readonly timeoutMs: number | undefined;
  /** Milliseconds a handler has, once told to give up, to say how it ended (a child has to be killed first). */
  readonly patienceMs: number;
}

/**
 * The handler, kept to its contract: it never throws nor rejects, its signal also aborts at the deadline, and it has an
 * outcome even if it never settles: `retry` with `no end within 5 s` after the deadline, else the message is handed back.
 */
export function safely(handler: Handler, bounds: Bounds): Handler {
  return {
    prints: handler.prints,
    handle: (message, context) => bounded(handler, message, context, bounds),
    close: () => handler.close(),
  };
}

async function bounded(
  handler: Handler,
  message: Message,
  { signal }: HandlerContext,
  { timeoutMs, patienceMs }: Bounds,
): Promise<Outcome> {
  if (signal.aborted) return handBack;
  const giveUp = new AbortController();
  let late = false;
  let patience: NodeJS.Timeout | undefined;
  const abandon = (): void => giveUp.abort(signal.reason);
  const pass = (): void => {
    late = true;
    giveUp.abort(new Error(noEnd(timeoutMs)));
  };
  const given = new Promise<Outcome>((resolve) => {
    const lose = (): void => {
      patience = setTimeout(resolve, patienceMs, handBack);
    };
    giveUp.signal.addEventListener('abort', lose, { once: true });
  });
  signal.addEventListener('abort', abandon, { once: true });
  const deadline = timeoutMs === undefined ? undefined : setTimeout(pass, Math.min(timeoutMs, longestTimer));
  try {
    const outcome = await Promise.race([caught(handler, message, { signal: giveUp.signal }), given]);
    if (!giveUp.signal.aborted || outcome.type === 'ack' || outcome.type === 'stop') return outcome;
    if (late) return { type: 'retry', reason: noEnd(timeoutMs) };
    // A failure after the second signal is of the signal's making: it is no attempt of the message.
    return outcome.type === 'retry' ? handBack : outcome;
  } finally {
    clearTimeout(deadline);
    clearTimeout(patience);
    signal.removeEventListener('abort', abandon);
  }
}

async function caught(handler: Handler, message: Message, context: HandlerContext): Promise<Outcome> {
  try {
    return await handler.handle(message, context);
  } catch (error) {
    return { type: 'retry', reason: thrownReason(error) };
  }
}

/** To the broker again, for whoever takes it next. */
export const handBack: Outcome = { type: 'nack', requeue: true };

/** A longer time overflows and fires at once. */
const longestTimer = 2 ** 31 - 1;

function noEnd(timeoutMs = 0): string {
  return `no end within ${timeoutMs / 1000} s`;
}
