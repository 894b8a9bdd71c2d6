// Waits for the arrival of a message for a limited time.

import { time } from '../../time.ts';

export class Arrival {
  #wake: () => void = () => undefined;

  /** Resolves to `true` at the next `notify`, or to `false` after the time in milliseconds. */
  within(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = time.after(ms, () => resolve(false));
      this.#wake = () => {
        timer.cancel();
        resolve(true);
      };
    });
  }

  notify(): void {
    this.#wake();
  }
}
