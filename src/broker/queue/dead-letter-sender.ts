// Dead-letters the messages of one queue. With RabbitMQ's at-least-once strategy, it sends a message again until every queue
// of its route has accepted it.
// https://www.rabbitmq.com/docs/quorum-queues#dead-lettering

import type { Timer } from '../clock.ts';
import type { DeathReason } from '../store/contract.ts';
import type { QueueEntry } from './entry.ts';
import type { HeldMessages } from './held-messages.ts';
import type { QueueHost } from './host.ts';
import type { QueueSettings } from './settings.ts';

/** The number of dead letters that are sent at the same time. RabbitMQ: dead_letter_worker_consumer_prefetch. */
const windowLength = 32;
/** Milliseconds until dead letters that were not accepted are sent again. RabbitMQ waits for 180 s. */
const pauseMs = 1000;

/** The fields of a queue that are needed to send its dead letters. */
interface SourceQueue {
  readonly what: string;
  readonly settings: QueueSettings;
}

interface Letter<Q> {
  readonly entry: QueueEntry;
  readonly reason: DeathReason;
  readonly acceptedBy: Set<Q>;
}

export class DeadLetterSender<Q extends SourceQueue> {
  readonly #queue: Q;
  readonly #held: HeldMessages;
  readonly #host: Pick<QueueHost<Q>, 'clock' | 'deadLetter' | 'log'>;
  /** Dead letters that at least one queue of their route has not accepted yet, in the order in which they are sent. */
  readonly #pending = new Set<Letter<Q>>();
  #pendingBytes = 0;
  #timer: Timer | undefined;

  constructor(queue: Q, held: HeldMessages, host: Pick<QueueHost<Q>, 'clock' | 'deadLetter' | 'log'>) {
    this.#queue = queue;
    this.#held = held;
    this.#host = host;
  }

  /**
   * Sends a message to the dead letter exchange, if the queue has one, and then removes it from the queue. In this order, a
   * crash in between duplicates the message and does not lose it. If routing throws, the message is set aside, because one
   * message must not stop the broker or the queue.
   */
  send(entry: QueueEntry, reason: DeathReason): void {
    const { settings, what } = this.#queue;
    try {
      if (settings.isDeadLetteredAtLeastOnce) {
        this.#sendAtLeastOnce(entry, reason);
        return;
      }
      if (settings.deadLetterExchange !== undefined) this.#host.deadLetter(this.#queue, entry.message, reason);
    } catch (error) {
      const trace = error instanceof Error ? error.stack : String(error);
      this.#host.log(`a message of ${what} cannot be dead-lettered and is set aside: ${trace}`);
      this.#held.setAside(entry);
      return;
    }
    this.#held.settle(entry);
  }

  /** Number of dead letters that their route has not accepted yet. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Bytes of their bodies. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Stops the timer. Returns the entries of the pending letters. */
  clear(): QueueEntry[] {
    this.#timer?.cancel();
    const entries = Array.from(this.#pending, ({ entry }) => entry);
    this.#pending.clear();
    this.#pendingBytes = 0;
    return entries;
  }

  /** Adds a letter behind the pending ones, and sends it if it is in the window. */
  #sendAtLeastOnce(entry: QueueEntry, reason: DeathReason): void {
    const letter = { entry, reason, acceptedBy: new Set<Q>() };
    this.#pending.add(letter);
    this.#pendingBytes += entry.message.bodyLength;
    if (this.#pending.size <= windowLength) this.#sendLetter(letter);
  }

  #sendLetter(letter: Letter<Q>): void {
    const { entry, reason, acceptedBy } = letter;
    this.#host.deadLetter(this.#queue, entry.message, reason, {
      acceptedBy,
      done: (isAccepted) => {
        if (!isAccepted) this.#sendAgainLater();
        else if (this.#pending.delete(letter)) {
          this.#pendingBytes -= entry.message.bodyLength;
          this.#held.settle(entry);
          this.#sendNext();
        }
      },
    });
  }

  #sendAgainLater(): void {
    this.#timer ??= this.#host.clock.after(pauseMs, () => {
      this.#timer = undefined;
      // When a letter is accepted, #sendNext sends the letter that moves into the window.
      for (const letter of [...this.#pending.values().take(windowLength)]) this.#sendLetter(letter);
    });
  }

  /** Sends the letter that has moved into the window. If the timer is set, it will send the whole window instead. */
  #sendNext(): void {
    if (this.#timer !== undefined) return;
    const [next] = this.#pending
      .values()
      .drop(windowLength - 1)
      .take(1);
    if (next !== undefined) this.#sendLetter(next);
  }
}
