// Calls back when the head of a queue expires.

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

  /** Waits until `at`, by `Clock.now`, unless the timer runs out earlier. Infinity: nothing expires. */
  arm(at: number): void {
    if (at >= this.#at) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = this.#clock.after(at - this.#clock.now(), () => {
      this.#at = Infinity;
      this.#onExpired();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
