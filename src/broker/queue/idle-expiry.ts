// Reports that a queue has been unused for the period of x-expires: it had no consumer, no basic.get and no declaration.

import type { Clock, Timer } from '../clock.ts';

export class IdleExpiry {
  readonly #clock: Clock;
  readonly #isInUse: () => boolean;
  readonly #onExpired: () => void;
  #expiresMs: number | undefined;
  #usedAt: number;
  #timer: Timer | undefined;

  /** `isInUse` returns true while the queue has a consumer. */
  constructor({ clock, isInUse, onExpired }: { clock: Clock; isInUse: () => boolean; onExpired: () => void }) {
    this.#clock = clock;
    this.#isInUse = isInUse;
    this.#onExpired = onExpired;
    this.#usedAt = clock.now();
  }

  /** Restarts the period. */
  touch(): void {
    this.#usedAt = this.#clock.now();
  }

  /** Sets the period of x-expires. `undefined` means that the queue never expires. */
  watch(expiresMs: number | undefined): void {
    if (expiresMs === this.#expiresMs) return;
    this.#expiresMs = expiresMs;
    this.#timer?.cancel();
    this.touch();
    if (expiresMs !== undefined) this.#timer = this.#clock.after(expiresMs, () => this.#check(expiresMs));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #check(expiresMs: number): void {
    const left = this.#isInUse() ? expiresMs : this.#usedAt + expiresMs - this.#clock.now();
    if (left <= 0) this.#onExpired();
    else this.#timer = this.#clock.after(left, () => this.#check(expiresMs));
  }
}
