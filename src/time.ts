// The clocks, timers and random numbers of mq. A simulation replaces them all with `replaceTime`, so the code calls
// `time.now()` each time and keeps no copy of `time`.

import { randomUUID } from './random-uuid.ts';

/** Longest delay of a timer of Node in milliseconds. A longer one overflows, and the timer fires at once. */
export const longestTimerMs = 2 ** 31 - 1;

export interface Timer {
  /** Stops the timer. Does nothing if it has fired or is cancelled. */
  cancel(): void;
  /** Lets the process end although the timer waits. Returns this timer. */
  unref(): Timer;
}

export interface Time {
  /** Returns the milliseconds of a monotonic clock. Use it for durations. */
  now(): number;
  /** Returns the milliseconds since 1970 by the system clock, which an administrator or NTP may set. */
  date(): number;
  /** Calls `run` once after this delay. A delay of more than 24 days is shortened to 24 days. */
  after(milliseconds: number, run: () => void): Timer;
  /** Calls `run` again and again, with this delay before each call. */
  every(milliseconds: number, run: () => void): Timer;
  /** Calls `run` in the next turn of the event loop, after its input and output. */
  nextTurn(run: () => void): Timer;
  /** Returns a number from 0 up to, but not including, 1. */
  random(): number;
  /** Returns bytes that cannot be predicted. */
  randomBytes(length: number): Buffer;
  /** Returns a UUID of version 4. */
  randomUUID(): string;
}

class SystemTimer<T extends { unref(): unknown }> implements Timer {
  readonly #timer: T;
  readonly #clear: (timer: T) => void;

  constructor(timer: T, clear: (timer: T) => void) {
    this.#timer = timer;
    this.#clear = clear;
  }

  cancel(): void {
    this.#clear(this.#timer);
  }

  unref(): Timer {
    this.#timer.unref();
    return this;
  }
}

const systemTime: Time = {
  now: () => performance.now(),
  date: () => Date.now(),
  after: (milliseconds, run) => new SystemTimer(setTimeout(run, Math.min(milliseconds, longestTimerMs)), clearTimeout),
  every: (milliseconds, run) =>
    new SystemTimer(setInterval(run, Math.min(milliseconds, longestTimerMs)), clearInterval),
  nextTurn: (run) => new SystemTimer(setImmediate(run), clearImmediate),
  random: () => Math.random(),
  randomBytes: (length) => crypto.getRandomValues(Buffer.allocUnsafe(length)),
  randomUUID,
};

/** The time in force. */
export let time = systemTime;

/** Replaces `time` everywhere. Returns a function that restores the time before. */
export function replaceTime(other: Time): () => void {
  const before = time;
  time = other;
  return () => {
    time = before;
  };
}

interface PauseOptions {
  /** Ends the pause early. */
  readonly signal?: AbortSignal | undefined;
  /** `false` lets the process end during the pause. Default: `true`. */
  readonly ref?: boolean;
}

/** Resolves after the delay, or when the signal aborts. */
export function pause(milliseconds: number, { signal, ref = true }: PauseOptions = {}): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    // An aborted signal also costs a turn, so that a loop of pauses lets other work run.
    const timer = time.after(signal?.aborted ? 0 : milliseconds, end);
    if (!ref) timer.unref();
    signal?.addEventListener('abort', end);
  });
}

/** Resolves in the next turn of the event loop, after its input and output. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    time.nextTurn(resolve);
  });
}

/** Returns a signal that aborts with a `TimeoutError` after the delay. The timer does not keep the process alive. */
export function timeoutSignal(milliseconds: number): AbortSignal {
  const controller = new AbortController();
  const end = () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  time.after(milliseconds, end).unref();
  return controller.signal;
}
