// The clock of the broker. Tests replace it with a clock that they advance themselves.

import { time } from '../time.ts';

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
export function dateAt(clock: Clock, moment: number | undefined): number | undefined {
  return moment === undefined ? undefined : moment - clock.now() + clock.date();
}

export const systemClock: Clock = {
  now: () => Math.floor(time.now()),
  date: () => time.date(),
  after: (milliseconds, run) => time.after(Math.max(milliseconds, 0), run),
};
