// Shows the progress of long operations on stderr, on a terminal only.

import type { Output } from '../context.ts';
import { time } from '../time.ts';

const pauseMs = 200;

/** Shows one line of changing text on stderr, on a terminal only. */
export class LiveLine {
  readonly #stderr: Output;
  #isShown = false;

  constructor(stderr: Output) {
    this.#stderr = stderr;
  }

  show(text: string): void {
    if (!this.#stderr.isTTY) return;
    this.#isShown = true;
    const width = Math.max(20, this.#stderr.columns ?? 80);
    this.#stderr.write(`\r\u001b[K${text.slice(0, width - 1)}`);
  }

  /** Removes the line from the terminal. */
  end(): void {
    if (this.#isShown) this.#stderr.write('\r\u001b[K');
    this.#isShown = false;
  }
}

export class Progress {
  readonly #stderr: Output;
  readonly #total: number;
  #shownAt = time.now();
  #isShown = false;

  constructor(stderr: Output, total: number) {
    this.#stderr = stderr;
    this.#total = total;
  }

  /** Shows that `count` items are done. */
  at(count: number): void {
    if (!this.#stderr.isTTY || time.now() - this.#shownAt < pauseMs) return;
    this.#shownAt = time.now();
    this.#isShown = true;
    this.#stderr.write(`\r${count} of ${this.#total}`);
  }

  /** Shows that the next item has begun, with its description. */
  begin(count: number, what: string): void {
    if (!this.#stderr.isTTY) return;
    this.end();
    this.#isShown = true;
    this.#stderr.write(`${count + 1} of ${this.#total}: ${what}`);
  }

  /** Removes the counter from the terminal. */
  end(): void {
    if (this.#isShown) this.#stderr.write('\r\u001b[K');
    this.#isShown = false;
  }
}
