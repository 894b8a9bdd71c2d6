// Deletes a queue that was not used for as long as x-expires says: nobody consumed, got or declared.

import type { Clock, Timer } from '../clock.ts';

export class QueueUse {
  readonly #clock: Clock;
  readonly #isInUse: () => boolean;
  readonly #onExpired: () => void;
  #expiresMs: number | undefined;
  #usedAt: number;
  #timer: Timer | undefined;

  /** `isInUse`: the queue has a consumer. */
  constructor({
    clock,
    isInUse,
    onExpired,
  }: {
    clock: Clock;
    isInUse: () => boolean;
    onExpired: () => void;
  }) {
    this.#clock = clock;
    this.#isInUse = isInUse;
    this.#onExpired = onExpired;
    this.#usedAt = clock.now();
  }

  touch(): void {
    this.#usedAt = this.#clock.now();
  }

  /** Watches for so long from the last use on; `undefined`: the queue never expires. */
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
