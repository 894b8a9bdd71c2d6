// Time as the broker sees it: tests give a clock that they move by hand.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs once, so many milliseconds from now. */
  after(milliseconds: number, run: () => void): Timer;
}

/** Node waits no longer than this; whoever waits longer has to look again. */
const longestMs = 0x7fff_ffff;

export const systemClock: Clock = {
  now: Date.now,
  after(milliseconds, run) {
    const timer = setTimeout(run, Math.min(Math.max(milliseconds, 0), longestMs));
    return { cancel: () => clearTimeout(timer) };
  },
};
