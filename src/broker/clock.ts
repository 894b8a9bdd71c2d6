// Time as the broker sees it: tests give a clock that they move by hand.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds of a clock that is never set: durations are measured with it. */
  now(): number;
  /** Milliseconds since 1970, by the machine's clock, which an administrator or NTP may set. */
  date(): number;
  /** Runs once, so many milliseconds from now. */
  after(milliseconds: number, run: () => void): Timer;
}

/** Returns the date at `time`, which is by `now`. */
export function dateAt(clock: Clock, time: number | undefined): number | undefined {
  return time === undefined ? undefined : time - clock.now() + clock.date();
}

/** Node waits no longer than this; whoever waits longer has to look again. */
const longestMs = 0x7fff_ffff;

export const systemClock: Clock = {
  now: () => Math.floor(performance.now()),
  date: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(Math.max(milliseconds, 0), longestMs));
    return { cancel: () => clearTimeout(timer) };
  },
};
