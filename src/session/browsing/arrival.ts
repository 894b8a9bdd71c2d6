// Waits for the arrival of a message for a limited time.

export class Arrival {
  #wake: () => void = () => undefined;

  /** Resolves to `true` at the next `notify`, or to `false` after the time in milliseconds. */
  within(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  notify(): void {
    this.#wake();
  }
}
