// Holds the messages of a quorum queue that were returned and are not ready before a pause (x-delayed-retry-type).

import type { Clock } from '../clock.ts';
import { Deque } from './deque.ts';
import type { QueueEntry } from './entry.ts';
import { ExpiryTimer } from './expiry-timer.ts';
import type { DelayedRetry } from './settings.ts';

interface Held {
  readonly entry: QueueEntry;
  /** Time of `Clock.now` at which the message becomes ready again. */
  readonly due: number;
}

export class DelayedRetries {
  readonly #clock: Clock;
  readonly #onDue: (entries: readonly QueueEntry[]) => void;
  /** The messages by pause. Pauses have few lengths, and the messages with one pause are due in their order. */
  readonly #held = new Map<number, Deque<Held>>();
  #count = 0;
  readonly #timer: ExpiryTimer;

  constructor(clock: Clock, onDue: (entries: readonly QueueEntry[]) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#timer = new ExpiryTimer(clock, () => this.#release());
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Holds a returned message and returns true, or returns false if it is ready at once. RabbitMQ 4.3.6: the pause grows with
   * the delivery count, which basic.nack does not raise.
   */
  hold(entry: QueueEntry, retry: DelayedRetry | undefined, isFailure: boolean): boolean {
    if (retry === undefined || !(isFailure ? retry.isForFailed : retry.isForReturned)) return false;
    const pauseMs = Math.min(retry.maxMs, retry.minMs * Math.max(1, entry.deliveryCount));
    const due = this.#clock.now() + pauseMs;
    const alike = this.#held.get(pauseMs) ?? new Deque<Held>();
    this.#held.set(pauseMs, alike);
    alike.push({ entry, due });
    this.#count += 1;
    this.#timer.arm(due);
    return true;
  }

  stop(): void {
    this.#timer.stop();
  }

  /** Removes the messages and returns them. */
  takeAll(): QueueEntry[] {
    return this.#take(Infinity);
  }

  #release(): void {
    const due = this.#take(this.#clock.now());
    const next = [...this.#held.values()].map((alike) => alike.first()?.due ?? Infinity);
    this.#timer.arm(Math.min(Infinity, ...next));
    if (due.length > 0) this.#onDue(due);
  }

  /** Removes the messages that are due at a time, and returns them in the order in which they are due. */
  #take(time: number): QueueEntry[] {
    const taken: Held[] = [];
    for (const [pauseMs, alike] of this.#held) {
      for (let held = alike.first(); held && held.due <= time; held = alike.first()) {
        taken.push(held);
        alike.shift();
      }
      if (alike.length === 0) this.#held.delete(pauseMs);
    }
    this.#count -= taken.length;
    return taken.sort((one, other) => one.due - other.due).map(({ entry }) => entry);
  }
}
