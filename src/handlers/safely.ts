// Wraps every handler, so that errors become outcomes and each call has an outcome even if it never ends.

import { MqError } from '../errors.ts';
import { longestTimerMs } from '../timer.ts';
import type { Handler, HandlerContext, Outcome } from './handler.ts';
import { thrownReason } from './reason.ts';

interface Bounds {
  /** Time limit for one call, in milliseconds. `undefined` means no limit. */
  readonly timeoutMs: number | undefined;
  /** Milliseconds that an aborted handler has to return its outcome, because it must stop its child first. */
  readonly abortGraceMs: number;
}

/**
 * Wraps the handler so that it never throws or rejects. The signal that the handler receives aborts with the signal of
 * the context, and at the deadline. If the handler does not settle then, the outcome is `hand-back` after the signal of
 * the context, and `retry` after the deadline.
 */
export function safely(handler: Handler, bounds: Bounds): Handler {
  const running = new Set<Attempt>();
  let watched: AbortSignal | undefined;
  // Calls with the same signal share one listener, because adding a listener takes longer than an empty handler.
  const watch = (signal: AbortSignal): void => {
    if (signal === watched) return;
    watched = signal;
    signal.addEventListener('abort', () => {
      for (const attempt of running) if (attempt.outer === signal) attempt.giveUp(signal.reason);
    });
  };
  const run = (size: number, { signal }: HandlerContext, work: Work): Promise<readonly Outcome[]> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve(repeated(handBack, size));
      watch(signal);
      const attempt = new Attempt({ outer: signal, size, bounds }, (outcomes) => {
        running.delete(attempt);
        resolve(outcomes);
      });
      running.add(attempt);
      void caught(work, attempt, size).then((outcomes) => attempt.end(outcomes));
    });
  return {
    prints: handler.prints,
    handle: async (message, context) => {
      const [outcome = handBack] = await run(1, context, async (own) => [await handler.handle(message, own)]);
      return outcome;
    },
    ...(handler.handleBatch && {
      handleBatch: (messages, context) =>
        run(messages.length, context, async (own) => (await handler.handleBatch?.(messages, own)) ?? []),
    }),
    close: () => handler.close(),
  };
}

type Work = (context: HandlerContext) => Promise<readonly Outcome[]>;

/** Returns the same outcome for each message of a call. */
export function repeated(outcome: Outcome, size: number): readonly Outcome[] {
  return Array.from({ length: size }, () => outcome);
}

/** One call of the handler, until the outcomes of its messages are known. */
class Attempt implements HandlerContext {
  readonly outer: AbortSignal;
  readonly #bounds: Bounds;
  readonly #size: number;
  readonly #done: (outcomes: readonly Outcome[]) => void;
  readonly #deadline: NodeJS.Timeout | undefined;
  #abortTimer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;
  #givenUp: { readonly reason: unknown } | undefined;
  #isLate = false;
  #hasEnded = false;

  constructor(
    { outer, size, bounds }: { outer: AbortSignal; size: number; bounds: Bounds },
    done: (outcomes: readonly Outcome[]) => void,
  ) {
    this.outer = outer;
    this.#size = size;
    this.#bounds = bounds;
    this.#done = done;
    const { timeoutMs } = bounds;
    if (timeoutMs !== undefined)
      this.#deadline = setTimeout(() => this.#reachDeadline(), Math.min(timeoutMs, longestTimerMs));
  }

  /** Created on first use, because most handlers never use it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#givenUp) this.#controller.abort(this.#givenUp.reason);
    }
    return this.#controller.signal;
  }

  giveUp(reason: unknown): void {
    if (this.#givenUp) return;
    this.#givenUp = { reason };
    this.#abortTimer = setTimeout(() => this.end(repeated(handBack, this.#size)), this.#bounds.abortGraceMs);
    this.#controller?.abort(reason);
  }

  end(outcomes: readonly Outcome[]): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#abortTimer);
    this.#done(outcomes.map((outcome) => this.#finalOutcome(outcome)));
  }

  #reachDeadline(): void {
    this.#isLate = true;
    this.giveUp(new Error(lateReason(this.#bounds.timeoutMs)));
  }

  #finalOutcome(outcome: Outcome): Outcome {
    if (!this.#givenUp || outcome.type === 'ack' || outcome.type === 'stop') return outcome;
    if (this.#isLate) return { type: 'retry', reason: lateReason(this.#bounds.timeoutMs) };
    // The role aborted the handler. A failure that this causes does not count as an attempt.
    return outcome.type === 'retry' ? handBack : outcome;
  }
}

async function caught(work: Work, context: HandlerContext, size: number): Promise<readonly Outcome[]> {
  try {
    return await work(context);
  } catch (error) {
    return repeated({ type: 'retry', reason: thrownReason(error), ...ofBatch(size) }, size);
  }
}

/** Marks the outcome of a call that failed for all its messages. */
export function ofBatch(size: number): { isOfBatch?: true } {
  return size > 1 ? { isOfBatch: true } : {};
}

/** Outcome that returns the message to its queue without counting an attempt. */
export const handBack: Outcome = { type: 'hand-back' };

/** Returns the error of a role that was ended by its handler. Example of `why`: `./job ended with exit status 79`. */
export function stoppedError(why: string): MqError {
  return new MqError('ANSWER_NO', `the handler ended the role: ${why}`, {
    hint: 'the message went back to its queue',
  });
}

function lateReason(timeoutMs = 0): string {
  return `the handler did not end within ${timeoutMs / 1000} s`;
}
