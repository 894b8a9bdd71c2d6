// Limits how long the messages of one event-loop turn are handled. Handlers that return at once, or that only wait for
// promises that are already resolved, would otherwise handle all prefetched messages in one turn. Heartbeats,
// acknowledgements, timers and signals would wait for them.

import { time } from '../../time.ts';

/** Milliseconds after which no further message of a turn may start, if a handler has ended in this turn. */
const longestMs = 20;

export class TurnLimit {
  readonly #resume: () => void;
  readonly #endTurn = () => {
    this.#endsAt = undefined;
    this.#hasEnded = false;
  };
  /** Time limit of this turn, on the monotonic clock. `undefined` before the first message of the turn. */
  #endsAt: number | undefined;
  #isPaused = false;
  /** `true` if a handler has ended in this turn. */
  #hasEnded = false;

  constructor(resume: () => void) {
    this.#resume = resume;
  }

  /** Records that a handler has ended. */
  ended(): void {
    this.#hasEnded = true;
  }

  /**
   * Reports whether a message may not start in this turn. `now` is the time on the monotonic clock. Programs that start
   * in one turn (--exec) stay together: a program reads the end of its input only after the turn, when every program has
   * its input, so a program that kills mq does not leave another one with a part of its body.
   */
  isOver(now: number): boolean {
    if (this.#endsAt !== undefined) return this.#hasEnded && now > this.#endsAt;
    this.#endsAt = now + longestMs;
    time.nextTurn(this.#endTurn);
    return false;
  }

  /** Calls `resume` in the next turn, after the acknowledgements of this turn are sent. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    time.nextTurn(() => {
      this.#isPaused = false;
      this.#resume();
    });
  }
}
