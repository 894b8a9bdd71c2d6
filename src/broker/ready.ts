// The messages of a queue that wait for a consumer: highest priority first, and in order of arrival within a priority.

import { Deque } from './deque.ts';
import type { Message } from './message.ts';

/** A message in one queue, ready or delivered and not yet acknowledged. */
export class Entry {
  readonly message: Message;
  /** Grows with arrival in the queue. A message that comes back goes to where it was. */
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
  /** The message's id in the store; undefined: it is in memory only. */
  readonly storeId: number | undefined;
  redelivered: boolean;
  deliveryCount: number;
  /** Whoever holds it while it is unacknowledged. */
  holder: Holder | undefined = undefined;

  constructor(
    message: Message,
    position: number,
    expiresAt: number | undefined,
    storeId: number | undefined,
    deliveryCount = 0,
  ) {
    this.message = message;
    this.position = position;
    this.expiresAt = expiresAt;
    this.storeId = storeId;
    this.deliveryCount = deliveryCount;
    this.redelivered = deliveryCount > 0;
  }
}

/** A consumer, or a basic.get. */
export interface Holder {
  unacked: number;
}

export class ReadyMessages {
  length = 0;
  /** Of the bodies. */
  bytes = 0;
  /** One for each priority, the lowest first. */
  readonly #levels: Deque<Entry>[];

  constructor(maxPriority: number) {
    this.#levels = Array.from({ length: maxPriority + 1 }, () => new Deque<Entry>());
  }

  push(entry: Entry): void {
    this.#levelOf(entry).push(entry);
    this.length++;
    this.bytes += entry.message.bodyLength;
  }

  /** Back to where it was. */
  requeue(entry: Entry): void {
    this.#levelOf(entry).insert(entry, (other) => other.position > entry.position);
    this.length++;
    this.bytes += entry.message.bodyLength;
  }

  first(): Entry | undefined {
    return this.#topLevel()?.first();
  }

  shift(): Entry | undefined {
    return this.#taken(this.#topLevel()?.shift());
  }

  /** RabbitMQ: a queue that is too long drops the oldest message of the lowest priority. */
  shiftLowest(): Entry | undefined {
    return this.#taken(this.#levels.find((level) => level.length > 0)?.shift());
  }

  /** The head of each priority, for it is there that messages expire. */
  heads(): Entry[] {
    return this.#levels.flatMap((level) => level.first() ?? []);
  }

  /** Takes out the head of its priority. */
  remove(head: Entry): void {
    this.#taken(this.#levelOf(head).shift());
  }

  clear(): void {
    for (const level of this.#levels) level.clear();
    this.length = 0;
    this.bytes = 0;
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (const level of this.#levels.toReversed()) yield* level;
  }

  #taken(entry: Entry | undefined): Entry | undefined {
    if (entry === undefined) return undefined;
    this.length--;
    this.bytes -= entry.message.bodyLength;
    return entry;
  }

  #levelOf(entry: Entry): Deque<Entry> {
    const highest = this.#levels.length - 1;
    return this.#levels[Math.min(entry.message.priority, highest)] as Deque<Entry>;
  }

  #topLevel(): Deque<Entry> | undefined {
    for (let index = this.#levels.length - 1; index >= 0; index--) {
      const level = this.#levels[index];
      if (level !== undefined && level.length > 0) return level;
    }
    return undefined;
  }
}
