// The time limit for the answers of one process. One timer serves all its requests, because a timer for each of them
// costs as much as the request itself.

import type { Clock } from './clock.ts';

export class Deadline {
  readonly #limitMs: number;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #dueAt = 0;
  #onLate: (() => void) | undefined;
  #isWaiting = false;

  constructor(limitMs: number, clock: Clock) {
    this.#limitMs = limitMs;
    this.#clock = clock;
  }

  /** Calls `onLate` after the time limit, unless `clear` is called before. */
  start(onLate: () => void): void {
    this.#dueAt = this.#clock.now() + this.#limitMs;
    this.#onLate = onLate;
    if (!this.#isWaiting) void this.#wait();
  }

  clear(): void {
    this.#onLate = undefined;
  }

  /** Ends the timer, because it would keep mq running. */
  end(): void {
    this.clear();
    this.#ended.abort();
  }

  async #wait(): Promise<void> {
    this.#isWaiting = true;
    while (this.#onLate) {
      const remainingMs = this.#dueAt - this.#clock.now();
      if (remainingMs > 0) await this.#clock.pause(remainingMs, this.#ended.signal);
      else {
        this.#onLate();
        this.clear();
      }
    }
    this.#isWaiting = false;
  }
}
