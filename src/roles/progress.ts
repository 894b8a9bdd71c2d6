// A counter on stderr for what takes long, on a terminal only.

import type { Output } from '../context.ts';

const pauseMs = 200;

export class Progress {
  readonly #stderr: Output;
  readonly #total: number;
  #shownAt = performance.now();
  #isShown = false;

  constructor(stderr: Output, total: number) {
    this.#stderr = stderr;
    this.#total = total;
  }

  /** So many are done. */
  at(count: number): void {
    if (!this.#stderr.isTTY || performance.now() - this.#shownAt < pauseMs) return;
    this.#shownAt = performance.now();
    this.#isShown = true;
    this.#stderr.write(`\r${count} of ${this.#total}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#stderr.write('\r\u001b[K');
    this.#isShown = false;
  }
}
