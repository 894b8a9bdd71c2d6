// A broker's clock that follows the system clock and can be advanced. Timers that become due then fire at once, in
// order.

import { longestTimerMs } from '../time.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
  timer: NodeJS.Timeout | undefined;
}

export class MovableClock {
  #aheadMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return Math.floor(performance.now()) + this.#aheadMs;
  }

  date(): number {
    return Date.now() + this.#aheadMs;
  }

  after(milliseconds: number, run: () => void): { cancel(): void } {
    const timer: Timer = { at: this.now() + Math.max(milliseconds, 0), run, timer: undefined };
    this.#timers.add(timer);
    this.#arm(timer);
    return { cancel: () => this.#drop(timer) };
  }

  /**
   * Advances the clock. Timers fire in the order of their times, including timers that other timers set. The clock
   * waits for `settled` before the first step and after each step.
   */
  async advance(milliseconds: number, settled: () => Promise<void> = async () => undefined): Promise<void> {
    await settled();
    const end = this.now() + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#aheadMs += Math.max(0, next.at - this.now());
      this.#drop(next);
      next.run();
      // The effects of a timer, for example a message to a consumer, must happen before the next timer fires.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await settled();
    }
    this.#aheadMs += Math.max(0, end - this.now());
    for (const timer of this.#timers) this.#arm(timer);
  }

  #arm(timer: Timer): void {
    clearTimeout(timer.timer);
    timer.timer = setTimeout(
      () => {
        this.#drop(timer);
        timer.run();
      },
      Math.min(Math.max(timer.at - this.now(), 0), longestTimerMs),
    );
  }

  #drop(timer: Timer): void {
    clearTimeout(timer.timer);
    this.#timers.delete(timer);
  }
}
