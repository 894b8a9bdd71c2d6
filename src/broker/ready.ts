// The messages of a queue that wait for a consumer: highest priority first, and in order of arrival within a priority.

import { Deque } from './deque.ts';
import type { Message } from './message.ts';

/** A message in one queue, ready or delivered and not yet acknowledged. */
export class Entry {
  readonly message: Message;
  /** Grows with arrival in the queue. */
  readonly position: number;
  /** By `Clock.now`. */
  readonly expiresAt: number | undefined;
  /** The message's id in the store; undefined: it is in memory only. */
  readonly storeId: number | undefined;
  redelivered = false;
  /** How often it came back, and how often by a failure: a rejection, a lost channel. */
  acquiredCount = 0;
  deliveryCount = 0;

  constructor(message: Message, position: number, expiresAt: number | undefined, storeId: number | undefined) {
    this.message = message;
    this.position = position;
    this.expiresAt = expiresAt;
    this.storeId = storeId;
  }
}

export interface Order {
  readonly maxPriority: number;
  readonly defaultPriority: number;
  /** RabbitMQ: what comes back to a quorum queue goes before all others; to a classic queue, where it was. */
  readonly isReturnedFirst: boolean;
}

export class ReadyMessages {
  length = 0;
  /** Of the bodies. */
  bytes = 0;
  readonly #order: Order;
  /** By priority, made when they are needed; above them what was returned. */
  readonly #levels: (Deque<Entry> | undefined)[] = [];
  readonly #returnedLevel: number;
  /** No level above has anything. */
  #top = 0;

  constructor(order: Order) {
    this.#order = order;
    this.#returnedLevel = order.maxPriority + 1;
  }

  push(entry: Entry): void {
    this.#level(this.#priorityOf(entry)).push(entry);
    this.#added(entry);
  }

  requeue(entries: readonly Entry[]): void {
    for (const entry of entries) this.#added(entry);
    if (this.#order.isReturnedFirst) {
      const level = this.#level(this.#returnedLevel);
      for (const entry of entries) level.push(entry);
      return;
    }
    const byPriority = Map.groupBy(entries, (entry) => this.#priorityOf(entry));
    for (const [priority, all] of byPriority) {
      const level = this.#level(priority);
      const [first] = all;
      if (all.length === 1 && first !== undefined) level.insert(first, (other) => isEarlier(first, other));
      else
        level.merge(
          all.sort((a, b) => a.position - b.position),
          isEarlier,
        );
    }
  }

  shift(): Entry | undefined {
    const entry = this.#topLevel()?.shift();
    if (entry !== undefined) this.#taken(entry);
    return entry;
  }

  /** Takes out, from the head of each priority, what has expired by then: it is there that messages expire. */
  takeExpired(now: number, take: (entry: Entry) => void): void {
    for (const level of this.#levels) {
      if (level === undefined) continue;
      for (let head = level.first(); isExpired(head, now); head = level.first()) {
        level.shift();
        this.#taken(head);
        take(head);
      }
    }
  }

  /** When the first of the heads will expire; Infinity: none will. */
  nextExpiry(): number {
    let next = Infinity;
    for (const level of this.#levels) next = Math.min(next, level?.first()?.expiresAt ?? Infinity);
    return next;
  }

  /** Empties the queue at once. Returns what was in it, in the order of delivery. */
  takeAll(): Iterable<Entry> {
    const levels = this.#levels.splice(0).reverse();
    this.length = 0;
    this.bytes = 0;
    this.#top = 0;
    return entriesOf(levels);
  }

  /** In the order in which they will be delivered. */
  [Symbol.iterator](): Iterator<Entry> {
    return entriesOf(this.#levels.toReversed());
  }

  #added(entry: Entry): void {
    this.length++;
    this.bytes += entry.message.bodyLength;
  }

  #taken(entry: Entry): void {
    this.length--;
    this.bytes -= entry.message.bodyLength;
  }

  #priorityOf({ message }: Entry): number {
    const { maxPriority, defaultPriority } = this.#order;
    return Math.min(message.priority ?? defaultPriority, maxPriority);
  }

  #level(index: number): Deque<Entry> {
    if (index > this.#top) this.#top = index;
    const known = this.#levels[index];
    if (known !== undefined) return known;
    const level = new Deque<Entry>();
    while (this.#levels.length < index) this.#levels.push(undefined);
    this.#levels[index] = level;
    return level;
  }

  #topLevel(): Deque<Entry> | undefined {
    for (; this.#top > 0; this.#top--) {
      const level = this.#levels[this.#top];
      if (level !== undefined && level.length > 0) return level;
    }
    return this.#levels[0];
  }
}

function* entriesOf(levels: readonly (Deque<Entry> | undefined)[]): Generator<Entry> {
  for (const level of levels) if (level !== undefined) yield* level;
}

function isEarlier(one: Entry, other: Entry): boolean {
  return one.position < other.position;
}

function isExpired(entry: Entry | undefined, now: number): entry is Entry {
  return entry?.expiresAt !== undefined && entry.expiresAt <= now;
}
