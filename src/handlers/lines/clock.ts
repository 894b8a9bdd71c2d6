// The clock of the --exec-lines pool. Tests pass their own clock, so that they do not wait.

import { pause, time } from '../../time.ts';

export interface Clock {
  /** Returns milliseconds of a monotonic clock. */
  now(): number;
  /** Resolves after the given milliseconds, or when `until` aborts. */
  pause(milliseconds: number, until: AbortSignal): Promise<undefined>;
}

export const systemClock: Clock = {
  now: () => time.now(),
  pause: async (milliseconds, until) => {
    if (!until.aborted && milliseconds > 0) await pause(milliseconds, { signal: until });
    return undefined;
  },
};
