// Limits the work of one check by counting steps, because a hostile body can make a recursive schema take exponential time.

/** Maximum number of steps of one check. A step takes well under a microsecond. */
export const mostSteps = 4_000_000;

/** Is thrown when a check needs more steps than it may. */
export class TooManySteps extends Error {}

export class Budget {
  #used = 0;

  get used(): number {
    return this.#used;
  }

  /** Starts the count of another check. */
  reset(): void {
    this.#used = 0;
  }

  /** Counts steps. Throws TooManySteps above the limit. */
  spend(steps: number): void {
    this.#used += steps;
    if (this.#used > mostSteps) throw new TooManySteps();
  }
}
