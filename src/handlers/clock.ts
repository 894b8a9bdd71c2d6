// The time that the pool of --exec-lines measures by. A test passes a clock of its own, and so does not wait.

export interface Clock {
  /** Milliseconds; it never goes back. */
  now(): number;
  /** Resolves after so many milliseconds, or when `until` aborts. */
  pause(milliseconds: number, until: AbortSignal): Promise<undefined>;
}

/** A longer time overflows a timer, which then fires at once. */
const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  pause: (milliseconds, until) =>
    new Promise((resolve) => {
      if (until.aborted || milliseconds <= 0) return resolve(undefined);
      const end = () => {
        clearTimeout(timer);
        until.removeEventListener('abort', end);
        resolve(undefined);
      };
      const timer = setTimeout(end, Math.min(milliseconds, longestTimer));
      until.addEventListener('abort', end);
    }),
};
