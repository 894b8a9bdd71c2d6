// A broker's clock that follows the system clock and can be advanced. Timers that become due then fire at once, in
// order.

import { longestTimerMs } from '../timer.ts';

interface Waiting {
  readonly at: number;
  readonly run: () => void;
  timer: NodeJS.Timeout | undefined;
}

export class MovableClock {
  #aheadMs = 0;
  readonly #waiting = new Set<Waiting>();

  now(): number {
    return Math.floor(performance.now()) + this.#aheadMs;
  }

  date(): number {
    return Date.now() + this.#aheadMs;
  }

  after(milliseconds: number, run: () => void): { cancel(): void } {
    const waiting: Waiting = { at: this.now() + Math.max(milliseconds, 0), run, timer: undefined };
    this.#waiting.add(waiting);
    this.#arm(waiting);
    return { cancel: () => this.#drop(waiting) };
  }

  /**
   * Advances the clock. Timers fire in the order of their times, including timers that they set. `settled` is awaited
   * before the first step and after each step.
   */
  async advance(milliseconds: number, settled: () => Promise<void> = async () => undefined): Promise<void> {
    await settled();
    const end = this.now() + milliseconds;
    for (;;) {
      const [next] = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#aheadMs += Math.max(0, next.at - this.now());
      this.#drop(next);
      next.run();
      // The effects of a timer (for example a message to a consumer) come before the next timer.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await settled();
    }
    this.#aheadMs += Math.max(0, end - this.now());
    for (const waiting of this.#waiting) this.#arm(waiting);
  }

  #arm(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    waiting.timer = setTimeout(
      () => {
        this.#drop(waiting);
        waiting.run();
      },
      Math.min(Math.max(waiting.at - this.now(), 0), longestTimerMs),
    );
  }

  #drop(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting);
  }
}
