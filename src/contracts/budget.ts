// Limits the work of one check by counting steps, because a hostile body can make a recursive schema take exponential time.

import { time, turn } from '../time.ts';

/** Maximum number of steps of one check. Most steps need well under a microsecond. */
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

/** Number of steps after which no further check of a turn of the event loop may start. */
export const mostStepsPerTurn = 1_000_000;

/** Counts the steps of one turn of the event loop, because heartbeats wait for the end of the turn. */
export class TurnSteps {
  #used = 0;

  get isOver(): boolean {
    return this.#used > mostStepsPerTurn;
  }

  add(steps: number): void {
    if (this.#used === 0 && steps > 0) time.nextTurn(() => (this.#used = 0));
    this.#used += steps;
  }

  /** Resolves in a turn that has steps left. */
  async next(): Promise<void> {
    while (this.isOver) await turn();
  }
}
