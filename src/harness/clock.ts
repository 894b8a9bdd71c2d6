// A broker's clock that goes as the system's does, and can be moved on: what is due then happens at once, in its order.

interface Waiting {
  readonly at: number;
  readonly run: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** Node waits no longer than this. */
const longestMs = 0x7fff_ffff;

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
   * Moves on by so much; timers run in the order of their times, those that they set as well. `settled` is awaited before
   * the first step and after each.
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
      // What it has set going (a message to a consumer, say) comes before the next.
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
      Math.min(Math.max(waiting.at - this.now(), 0), longestMs),
    );
  }

  #drop(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(waiting);
  }
}
