// Spaces messages evenly: at most one in each interval.

import { pause, time } from '../time.ts';

/**
 * Maximum delay that the next message catches up after a late timer, in milliseconds. Without it, late timers would
 * lower the rate.
 */
const slackMs = 20;

export class Pace {
  readonly #intervalMs: number | undefined;
  #next = 0;

  /** @param intervalMs `undefined` means no limit */
  constructor(intervalMs: number | undefined) {
    this.#intervalMs = intervalMs;
  }

  /** Milliseconds until the next message may start. 0 means now. */
  get waitMs(): number {
    return this.#intervalMs === undefined ? 0 : Math.max(0, this.#next - time.now());
  }

  /** Time to pass to `begin`, in milliseconds. 0 without a limit, because the time does not matter then. */
  get now(): number {
    return this.#intervalMs === undefined ? 0 : time.now();
  }

  /** Records the start of a message at this time. */
  begin(now = this.now): void {
    if (this.#intervalMs !== undefined) this.#next = Math.max(this.#next, now - slackMs) + this.#intervalMs;
  }

  /** Waits until a message may start. Returns at once if the signal is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    const { waitMs } = this;
    if (waitMs === 0 || signal.aborted) return;
    await pause(waitMs, { signal });
  }
}
