// Dead letters of one queue that no queue has taken yet. RabbitMQ: dead-lettering at least once keeps a message until every
// queue that it is routed to has taken it. https://www.rabbitmq.com/docs/quorum-queues#dead-lettering

import type { Timer } from '../clock.ts';
import type { DeathReason } from '../store/contract.ts';
import type { Entry } from './entry.ts';
import type { QueueHost } from './host.ts';

/** The number of letters that are tried at once, as RabbitMQ's dead_letter_worker_consumer_prefetch. */
const windowLength = 32;
/** The pause before letters without a target are tried again. RabbitMQ waits for 180 s. */
const pauseMs = 1000;

interface Letter<Q> {
  readonly entry: Entry;
  readonly reason: DeathReason;
  /** The queues that have taken it. */
  readonly takenBy: Set<Q>;
}

export class UntakenLetters<Q> {
  readonly #queue: Q;
  readonly #host: Pick<QueueHost<Q>, 'clock' | 'deadLetter'>;
  readonly #settle: (entry: Entry) => void;
  readonly #letters = new Set<Letter<Q>>();
  #timer: Timer | undefined;

  /** `settle` is called with each entry that has been taken. */
  constructor(queue: Q, host: Pick<QueueHost<Q>, 'clock' | 'deadLetter'>, settle: (entry: Entry) => void) {
    this.#queue = queue;
    this.#host = host;
    this.#settle = settle;
  }

  /** Sends a letter after those that wait. */
  add(entry: Entry, reason: DeathReason): void {
    const letter = { entry, reason, takenBy: new Set<Q>() };
    this.#letters.add(letter);
    if (this.#letters.size <= windowLength) this.#send(letter);
  }

  /** Stops the timer and returns the entries that are left. */
  clear(): Entry[] {
    this.#timer?.cancel();
    const entries = [...this.#letters].map(({ entry }) => entry);
    this.#letters.clear();
    return entries;
  }

  #send(letter: Letter<Q>): void {
    const { entry, reason, takenBy } = letter;
    this.#host.deadLetter(this.#queue, entry.message, reason, {
      takenBy,
      done: (isTaken) => {
        if (!isTaken) this.#waitForTarget();
        else if (this.#letters.delete(letter)) {
          this.#settle(entry);
          this.#sendNext();
        }
      },
    });
  }

  #waitForTarget(): void {
    this.#timer ??= this.#host.clock.after(pauseMs, () => {
      this.#timer = undefined;
      this.#sendAgain();
    });
  }

  /** Sends the letter that has moved into the window, unless the whole window is to be sent again. */
  #sendNext(): void {
    if (this.#timer !== undefined) return;
    const [next] = this.#letters
      .values()
      .drop(windowLength - 1)
      .take(1);
    if (next !== undefined) this.#send(next);
  }

  /** Each letter of the window that is taken makes room for the next one. */
  #sendAgain(): void {
    for (const letter of [...this.#letters.values().take(windowLength)]) this.#send(letter);
  }
}
