// Computes the pauses before a consumer is set up again. They double up to a maximum.

import { time } from '../../time.ts';

const firstPauseMs = 250;
const longestPauseMs = 10_000;
/**
 * Longest pause while another consumer has exclusive access. It is shorter, because this consumer must take over soon
 * after the other one ends.
 */
const longestStandbyMs = 5_000;

export class Backoff {
  #longestMs = firstPauseMs;

  /** Returns a random pause in milliseconds, and doubles the maximum of the next one. */
  next({ isStandby }: { isStandby: boolean }): number {
    const pauseMs = this.#longestMs * time.random();
    this.#longestMs = Math.min(this.#longestMs * 2, isStandby ? longestStandbyMs : longestPauseMs);
    return pauseMs;
  }

  reset(): void {
    this.#longestMs = firstPauseMs;
  }
}
