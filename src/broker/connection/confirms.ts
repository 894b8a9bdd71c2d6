// Publisher confirms of one channel (https://www.rabbitmq.com/docs/confirms): tags that are done are acknowledged once a
// turn, a run of them by one basic.ack; what has to be on disk waits for the store.

import type { Store } from '../store/contract.ts';

export interface ConfirmWriter {
  ack(deliveryTag: number, multiple: boolean): void;
  nack(deliveryTag: number): void;
  /** So many messages were acknowledged. */
  confirmed(count: number): void;
  /** The store failed: what was to be confirmed is in doubt. */
  failed(error: Error): void;
}

export class Confirms {
  /** Publishes so far; the delivery tag of the last of them. */
  published = 0;
  readonly #writer: ConfirmWriter;
  readonly #store: Store | undefined;
  /** Done and not told yet. */
  #done: number[] = [];
  #refused: number[] = [];
  /** To be on disk: of this turn, and what the store is writing, the oldest first. */
  #fresh: number[] = [];
  readonly #written: number[][] = [];

  constructor(writer: ConfirmWriter, store: Store | undefined) {
    this.#writer = writer;
    this.#store = store;
  }

  /** How many were published and not confirmed yet. */
  get outstanding(): number {
    return this.#fresh.length + this.#written.reduce((sum, tags) => sum + tags.length, 0);
  }

  done(tag: number): void {
    this.#done.push(tag);
  }

  refused(tag: number): void {
    this.#refused.push(tag);
  }

  /** Done as soon as the store has it. */
  stored(tag: number): void {
    this.#fresh.push(tag);
  }

  /** The end of a turn. `onWritten` is called when the store has what this turn brought. */
  flush(onWritten: () => void): void {
    this.#askStore(onWritten);
    for (const tag of this.#refused) this.#writer.nack(tag);
    this.#refused = [];
    const tags = this.#done;
    if (tags.length === 0) return;
    this.#done = [];
    this.#writer.confirmed(tags.length);
    // A basic.ack with multiple covers every tag below it: no further than the oldest that waits for the store.
    const oldest = this.#written[0]?.[0] ?? Infinity;
    let covered = 0;
    while (covered < tags.length && (tags[covered] as number) < oldest) covered++;
    if (covered > 0) this.#writer.ack(tags[covered - 1] as number, covered > 1);
    for (let index = covered; index < tags.length; index++) this.#writer.ack(tags[index] as number, false);
  }

  #askStore(onWritten: () => void): void {
    if (this.#fresh.length === 0 || this.#store === undefined) return;
    const tags = this.#fresh;
    this.#fresh = [];
    this.#written.push(tags);
    this.#store.committed((error) => {
      if (error !== undefined) {
        this.#writer.failed(error);
        return;
      }
      this.#written.splice(this.#written.indexOf(tags), 1);
      this.#done = [...this.#done, ...tags].sort((a, b) => a - b);
      onWritten();
    });
  }
}
