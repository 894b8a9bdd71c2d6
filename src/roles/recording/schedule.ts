// Decides when each recorded message is sent: with the recorded pauses, at a rate, or at once.

import { pause, time } from '../../time.ts';
import { Pace } from '../pace.ts';

export type Timing =
  /** Divides the recorded pauses by `speed`. */
  | { readonly by: 'recording'; readonly speed: number }
  | { readonly by: 'rate'; readonly intervalMs: number }
  | { readonly by: 'now' };

export class Schedule {
  readonly #timing: Timing;
  readonly #pace: Pace;
  #start: { readonly now: number; readonly at: number } | undefined;

  constructor(timing: Timing) {
    this.#timing = timing;
    this.#pace = new Pace(timing.by === 'rate' ? timing.intervalMs : undefined);
  }

  /** Waits until the message of this time in the recording may be sent. Returns at once if the signal is aborted. */
  async wait(at: number, signal: AbortSignal): Promise<void> {
    if (this.#timing.by !== 'recording') {
      if (this.#pace.waitMs > 0) await this.#pace.wait(signal);
      this.#pace.begin();
      return;
    }
    this.#start ??= { now: time.now(), at };
    const due = this.#start.now + (at - this.#start.at) / this.#timing.speed;
    for (let left = due - time.now(); left > 0 && !signal.aborted; left = due - time.now())
      await pause(left, { signal });
  }
}
