import type { Clock } from '../../src/broker/clock.ts';

/** A clock that advances only on request. */
export class HandClock implements Clock {
  #now = 1_700_000_000_000;
  /** Milliseconds by which the system clock was set back. */
  setBackMs = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  date(): number {
    return this.#now - this.setBackMs;
  }

  after(milliseconds: number, run: () => void) {
    const timer = { at: this.#now + Math.max(milliseconds, 0), run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Advances the time. Timers run in the order of their times, including new ones. */
  move(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  /** Advances the time without running timers, as if the event loop were busy. */
  stall(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Number of pending timers. */
  get waiting(): number {
    return this.#timers.size;
  }
}
