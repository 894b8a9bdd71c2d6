// A timer for the next message that expires at the head of a queue.

import type { Clock, Timer } from '../clock.ts';

export class ExpiryTimer {
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  #timer: Timer | undefined;
  #at = Infinity;

  constructor(clock: Clock, onExpired: () => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Sets the timer to `at`, a time of `Clock.now`. An earlier setting stays. Infinity means that no message expires. */
  arm(at: number): void {
    if (at >= this.#at) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = this.#clock.after(at - this.#clock.now(), () => {
      this.#at = Infinity;
      this.#onExpired();
    });
  }

  /** Cancels the timer for ever. */
  stop(): void {
    this.#timer?.cancel();
    this.#at = -Infinity;
  }
}
