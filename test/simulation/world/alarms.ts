// Calls functions after a number of occurrences, such as the events of a process.

interface Alarm {
  readonly at: number;
  readonly run: () => void;
}

export class Alarms {
  /** Number of occurrences. */
  count = 0;
  #waiting: readonly Alarm[] = [];

  /** Calls `run` at the occurrence that follows this number of further ones. */
  after(count: number, run: () => void): void {
    this.#waiting = [...this.#waiting, { at: this.count + count, run }];
  }

  /** Counts an occurrence, and calls the functions that are due. */
  next(): void {
    this.count += 1;
    if (this.#waiting.length === 0) return;
    const due = this.#waiting.filter(({ at }) => at < this.count);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter(({ at }) => at >= this.count);
    for (const { run } of due) run();
  }
}
