// Limits how long the messages of one event-loop turn are handled. Handlers that return at once, or that only wait for
// promises that are already resolved, would otherwise handle all prefetched messages in one turn. Heartbeats,
// acknowledgements, timers and signals would wait for them.

/** Milliseconds after which no further message of a turn may start. */
const longestMs = 20;

export class TurnLimit {
  readonly #resume: () => void;
  readonly #endTurn = () => {
    this.#endsAt = undefined;
  };
  /** Time limit of this turn, on the monotonic clock. `undefined` before the first message of the turn. */
  #endsAt: number | undefined;
  #isPaused = false;

  constructor(resume: () => void) {
    this.#resume = resume;
  }

  /** Reports whether a message may not start in this turn. `now` is the time on the monotonic clock. */
  isOver(now: number): boolean {
    if (this.#endsAt !== undefined) return now > this.#endsAt;
    this.#endsAt = now + longestMs;
    setImmediate(this.#endTurn);
    return false;
  }

  /** Calls `resume` in the next turn, after the acknowledgements of this turn are sent. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    setImmediate(() => {
      this.#isPaused = false;
      this.#resume();
    });
  }
}
