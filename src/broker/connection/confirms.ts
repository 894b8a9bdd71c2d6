// Publisher confirms of one channel (https://www.rabbitmq.com/docs/confirms). They are sent at the end of each tick, with as
// few basic.ack as possible. The confirm of a persistent message waits until the store has written the message.

import type { Store } from '../store/contract.ts';

interface ConfirmWriter {
  ack(deliveryTag: number, multiple: boolean): void;
  nack(deliveryTag: number): void;
  /** Counts acknowledged publishes. */
  confirmed(count: number): void;
  /** Called if the store has failed. The outcome of the publishes that wait for it is unknown. */
  failed(error: Error): void;
}

export class Confirms {
  /** Number of publishes. It is also the delivery tag of the last one. */
  published = 0;
  readonly #writer: ConfirmWriter;
  readonly #store: Store | undefined;
  /** Tags that can be acknowledged. */
  #done: number[] = [];
  #refused: number[] = [];
  /** Tags of this tick whose messages the store has to write. */
  #fresh: number[] = [];
  /** Tags whose messages the store is writing: one list for each tick, oldest first. */
  readonly #pending: number[][] = [];
  /** Tags whose outcome is sent later, because a simulated fault delays it. */
  readonly #late = new Set<number>();

  constructor(writer: ConfirmWriter, store: Store | undefined) {
    this.#writer = writer;
    this.#store = store;
  }

  /** Number of publishes that wait for the store. */
  get outstanding(): number {
    return this.#late.size + this.#fresh.length + this.#pending.reduce((sum, tags) => sum + tags.length, 0);
  }

  done(tag: number): void {
    this.#done.push(tag);
  }

  refused(tag: number): void {
    this.#refused.push(tag);
  }

  /** Acknowledges the tag after the store has written the message. */
  awaitStore(tag: number): void {
    this.#fresh.push(tag);
  }

  /** Sends nothing about the tag before `release`. Call it before `done`, `refused` or `awaitStore`. */
  hold(tag: number): void {
    this.#late.add(tag);
  }

  release(tag: number): void {
    this.#late.delete(tag);
  }

  /** Sends the confirms that are due. Calls `onWritten` when the store has written the messages of this tick. */
  flush(onWritten: () => void): void {
    this.#awaitWrite(onWritten);
    const refused = this.#refused;
    this.#refused = refused.filter((tag) => this.#late.has(tag));
    for (const tag of refused) if (!this.#late.has(tag)) this.#writer.nack(tag);
    const tags = this.#takeDue();
    if (tags.length === 0) return;
    this.#writer.confirmed(tags.length);
    // A basic.ack with `multiple` covers all lower tags, so its tag must be below the oldest tag that waits.
    const oldest = this.#oldestWaiting();
    let covered = 0;
    let last = 0;
    for (const tag of tags) {
      if (tag >= oldest) break;
      last = tag;
      covered++;
    }
    if (covered > 0) this.#writer.ack(last, covered > 1);
    for (const tag of tags) if (tag > last) this.#writer.ack(tag, false);
  }

  #oldestWaiting(): number {
    const first = this.#pending[0]?.[0] ?? Infinity;
    return this.#late.size === 0 ? first : Math.min(first, ...this.#late);
  }

  /** Removes and returns the tags that can be acknowledged now. */
  #takeDue(): number[] {
    const tags = this.#done;
    this.#done = this.#late.size === 0 ? [] : tags.filter((tag) => this.#late.has(tag));
    return this.#late.size === 0 ? tags : tags.filter((tag) => !this.#late.has(tag));
  }

  /** Adds tags in ascending order. Usually all of them follow the others, because the store commits in order. */
  #addDone(tags: readonly number[]): void {
    const isSorted = (this.#done.at(-1) ?? 0) < (tags[0] ?? 0);
    for (const tag of tags) this.#done.push(tag);
    if (!isSorted) this.#done.sort((a, b) => a - b);
  }

  #awaitWrite(onWritten: () => void): void {
    if (this.#fresh.length === 0 || this.#store === undefined) return;
    const tags = this.#fresh;
    this.#fresh = [];
    this.#pending.push(tags);
    this.#store.committed((error) => {
      if (error !== undefined) {
        this.#writer.failed(error);
        return;
      }
      this.#pending.splice(this.#pending.indexOf(tags), 1);
      this.#addDone(tags);
      onWritten();
    });
  }
}
