// The clock of the broker. Tests replace it with a clock that they advance themselves.

import { longestTimerMs } from '../timer.ts';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Returns the milliseconds of a monotonic clock. Use it for durations. */
  now(): number;
  /** Returns the milliseconds since 1970 by the system clock, which an administrator or NTP may set. */
  date(): number;
  /** Calls `run` once after this delay. A delay of more than 24 days is shortened to 24 days. */
  after(milliseconds: number, run: () => void): Timer;
}

/** Converts a time of `now()` to a time of `date()`. */
export function dateAt(clock: Clock, time: number | undefined): number | undefined {
  return time === undefined ? undefined : time - clock.now() + clock.date();
}

export const systemClock: Clock = {
  now: () => Math.floor(performance.now()),
  date: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(Math.max(milliseconds, 0), longestTimerMs));
    return { cancel: () => clearTimeout(timer) };
  },
};
