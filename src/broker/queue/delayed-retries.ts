// Holds the messages of a quorum queue that were returned and are not ready before a pause (x-delayed-retry-type).

import type { Clock } from '../clock.ts';
import type { QueueEntry } from './entry.ts';
import { ExpiryTimer } from './expiry-timer.ts';
import type { DelayedRetry } from './settings.ts';

export class DelayedRetries {
  readonly #clock: Clock;
  readonly #onDue: (entries: readonly QueueEntry[]) => void;
  /** Times of `Clock.now` at which the messages become ready again. */
  readonly #held = new Map<QueueEntry, number>();
  readonly #timer: ExpiryTimer;

  constructor(clock: Clock, onDue: (entries: readonly QueueEntry[]) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#timer = new ExpiryTimer(clock, () => this.#release());
  }

  get count(): number {
    return this.#held.size;
  }

  /**
   * Holds a returned message and returns true, or returns false if it is ready at once. RabbitMQ 4.3.6: the pause grows with
   * the delivery count, which basic.nack does not raise.
   */
  hold(entry: QueueEntry, retry: DelayedRetry | undefined, isFailure: boolean): boolean {
    if (retry === undefined || !(isFailure ? retry.isForFailed : retry.isForReturned)) return false;
    const pauseMs = Math.min(retry.maxMs, retry.minMs * Math.max(1, entry.deliveryCount));
    const due = this.#clock.now() + pauseMs;
    this.#held.set(entry, due);
    this.#timer.arm(due);
    return true;
  }

  stop(): void {
    this.#timer.stop();
  }

  /** Removes the messages and returns them. */
  takeAll(): QueueEntry[] {
    const entries = [...this.#held.keys()];
    this.#held.clear();
    return entries;
  }

  #release(): void {
    const now = this.#clock.now();
    const due: QueueEntry[] = [];
    let next = Infinity;
    for (const [entry, at] of this.#held) {
      if (at <= now) due.push(entry);
      else next = Math.min(next, at);
    }
    for (const entry of due) this.#held.delete(entry);
    this.#timer.arm(next);
    if (due.length > 0) this.#onDue(due);
  }
}
