// Wraps every handler, so that errors become outcomes and each call has an outcome even if it never ends.

import { MqError } from '../errors.ts';
import { type Timer, time } from '../time.ts';
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
  const running = new Running();
  return {
    prints: handler.prints,
    handle: (message, { signal }) => {
      if (signal.aborted) return handBack;
      const attempt = new Attempt(signal, bounds, single);
      try {
        const outcome = handler.handle(message, attempt);
        return outcome instanceof Promise ? running.wait(attempt, outcome) : outcome;
      } catch (error) {
        return single.failed(error);
      }
    },
    ...(handler.handleBatch && {
      handleBatch: async (messages, { signal }) => {
        const list = listOf(messages.length);
        if (signal.aborted) return list.of(handBack);
        const attempt = new Attempt(signal, bounds, list);
        return running.wait(attempt, (async () => (await handler.handleBatch?.(messages, attempt)) ?? [])());
      },
    }),
    close: () => handler.close(),
  };
}

/** Returns the same outcome for each message of a call. */
export function repeated(outcome: Outcome, size: number): readonly Outcome[] {
  return Array.from({ length: size }, () => outcome);
}

/** The calls that have no outcome yet. */
class Running {
  readonly #attempts = new Set<Pick<Attempt<unknown>, 'outer' | 'giveUp'>>();
  #watched: AbortSignal | undefined;

  async wait<T>(attempt: Attempt<T>, work: Promise<T>): Promise<T> {
    this.#watch(attempt.outer);
    this.#attempts.add(attempt);
    const ended = attempt.wait(work);
    // The handler may have run for long before it returned the promise.
    if (attempt.outer.aborted) attempt.giveUp(attempt.outer.reason);
    try {
      return await ended;
    } finally {
      this.#attempts.delete(attempt);
    }
  }

  /** All messages share one listener, because a listener for each costs more than an empty handler. */
  #watch(signal: AbortSignal): void {
    if (signal === this.#watched) return;
    this.#watched = signal;
    signal.addEventListener('abort', () => {
      for (const attempt of this.#attempts) if (attempt.outer === signal) attempt.giveUp(signal.reason);
    });
  }
}

/** The form of the result of a call: one outcome, or a list of them. */
interface Form<T> {
  /** Returns the result in which every message has this outcome. */
  of(outcome: Outcome): T;
  /** Returns the result of a call that threw. */
  failed(error: unknown): T;
  map(result: T, convert: (outcome: Outcome) => Outcome): T;
}

const single: Form<Outcome> = {
  of: (outcome) => outcome,
  failed: (error) => ({ type: 'retry', reason: thrownReason(error) }),
  map: (outcome, convert) => convert(outcome),
};

function listOf(size: number): Form<readonly Outcome[]> {
  return {
    of: (outcome) => repeated(outcome, size),
    failed: (error) => repeated({ type: 'retry', reason: thrownReason(error), ...ofBatch(size) }, size),
    map: (outcomes, convert) => outcomes.map(convert),
  };
}

/** One call of the handler, until the outcomes of its messages are known. */
class Attempt<T> implements HandlerContext {
  readonly outer: AbortSignal;
  readonly #bounds: Bounds;
  readonly #form: Form<T>;
  #end: ((result: T) => void) | undefined;
  #abortTimer: Timer | undefined;
  #controller: AbortController | undefined;
  #givenUp: { readonly reason: unknown } | undefined;
  #isLate = false;

  constructor(outer: AbortSignal, bounds: Bounds, form: Form<T>) {
    this.outer = outer;
    this.#bounds = bounds;
    this.#form = form;
  }

  /**
   * Created on first use, because most handlers never use it. Without a deadline, the calls share the outer signal,
   * because a signal for each message is expensive.
   */
  get signal(): AbortSignal {
    if (this.#bounds.timeoutMs === undefined) return this.outer;
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#givenUp) this.#controller.abort(this.#givenUp.reason);
      else if (this.outer.aborted) this.#controller.abort(this.outer.reason);
    }
    return this.#controller.signal;
  }

  giveUp(reason: unknown): void {
    if (this.#givenUp) return;
    this.#givenUp = { reason };
    this.#abortTimer = time.after(this.#bounds.abortGraceMs, () => this.#end?.(this.#form.of(handBack)));
    this.#controller?.abort(reason);
  }

  /** Waits for the result until the deadline, or until the signal has aborted and the grace time has passed. */
  wait(work: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#bounds;
    const deadline = timeoutMs === undefined ? undefined : time.after(timeoutMs, () => this.#reachDeadline());
    return new Promise((resolve) => {
      const end = (result: T) => {
        deadline?.cancel();
        this.#abortTimer?.cancel();
        resolve(this.#form.map(result, (outcome) => this.#finalOutcome(outcome)));
      };
      this.#end = end;
      work.then(end, (error: unknown) => end(this.#form.failed(error)));
    });
  }

  #reachDeadline(): void {
    this.#isLate = true;
    this.giveUp(new DeadlineError(lateReason(this.#bounds.timeoutMs)));
  }

  #finalOutcome(outcome: Outcome): Outcome {
    if (!this.#givenUp || outcome.type === 'ack' || outcome.type === 'stop') return outcome;
    if (this.#isLate) return { type: 'retry', reason: lateReason(this.#bounds.timeoutMs) };
    // The role aborted the handler. A failure that this causes does not count as an attempt.
    return outcome.type === 'retry' ? handBack : outcome;
  }
}

/** Reason of a signal that aborts at the deadline of a call. */
class DeadlineError extends Error {}

/** Returns `true` if the deadline of the call aborted its signal. */
export function isPastDeadline({ reason }: AbortSignal): boolean {
  return reason instanceof DeadlineError;
}

/** Marks the outcome of a call that failed for all its messages. */
export function ofBatch(size: number): { isOfBatch?: true } {
  return size > 1 ? { isOfBatch: true } : {};
}

/** Outcome of a message that is handled, without a reply. */
export const ack: Outcome = { type: 'ack' };

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
