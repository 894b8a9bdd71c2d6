import type { Clock } from '../../src/broker/clock.ts';

/** A clock that stands until it is moved. */
export class HandClock implements Clock {
  #now = 1_700_000_000_000;
  /** How far an administrator has set the machine's clock back. */
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

  /** Timers run in the order of their times, those that they set as well. */
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

  /** Time passes while the event loop is busy: no timer runs. */
  stall(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }
}
