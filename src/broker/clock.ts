// The clock of the broker. Tests replace it by one that they move by hand.

import { longestTimerMs } from '../timer.ts';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds of a monotonic clock, for durations. */
  now(): number;
  /** Milliseconds since 1970, by the system clock, which an administrator or NTP may set. */
  date(): number;
  /** Calls `run` once after this number of milliseconds, or earlier if that is more than 24 days. */
  after(milliseconds: number, run: () => void): Timer;
}

/** Converts a time of `now` into one of `date`. */
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
