// The clock of the --exec-lines pool. Tests pass their own clock, so that they do not wait.

import { longestTimerMs } from '../../timer.ts';

export interface Clock {
  /** Returns milliseconds of a monotonic clock. */
  now(): number;
  /** Resolves after the given milliseconds, or when `until` aborts. */
  pause(milliseconds: number, until: AbortSignal): Promise<undefined>;
}

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
      const timer = setTimeout(end, Math.min(milliseconds, longestTimerMs));
      until.addEventListener('abort', end);
    }),
};
