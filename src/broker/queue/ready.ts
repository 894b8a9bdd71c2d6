// The ready messages of a queue: the highest priority first, and in the order of arrival within a priority.

import { itemsPerStep, sorted, type Work } from '../slices.ts';
import { Deque } from './deque.ts';
import type { QueueEntry } from './entry.ts';
import { Level } from './level.ts';

interface Order {
  readonly maxPriority: number;
  readonly defaultPriority: number;
  /** RabbitMQ: a quorum queue delivers returned messages first. On a classic queue, a message returns to its old position. */
  readonly isReturnedFirst: boolean;
}

/** Entries that return to the queue together, grouped by level. */
export class Returned {
  length = 0;
  bytes = 0;
  readonly levels = new Map<number, Deque<QueueEntry>>();

  *[Symbol.iterator](): Generator<QueueEntry> {
    for (const level of this.levels.values()) yield* level;
  }
}

export class ReadyMessages {
  length = 0;
  /** The sum of the body lengths. */
  bytes = 0;
  readonly #order: Order;
  /** One level for each priority, created on demand. On a quorum queue, one more level contains the returned entries. */
  readonly #levels: (Level | undefined)[] = [];
  readonly #returnedLevel: number;
  /** All levels above this one are empty. */
  #top = 0;

  constructor(order: Order) {
    this.#order = order;
    this.#returnedLevel = order.maxPriority + 1;
  }

  push(entry: QueueEntry): void {
    this.#level(this.#priorityOf(entry)).push(entry);
    this.length++;
    this.bytes += entry.message.bodyLength;
  }

  /** Sorts returned entries into levels, for `putBack`. */
  *returned(entries: readonly QueueEntry[]): Work<Returned> {
    const returned = new Returned();
    const { isReturnedFirst } = this.#order;
    const inOrder = isReturnedFirst ? entries : yield* sorted(entries, (a, b) => a.position - b.position);
    for (const entry of inOrder) {
      const index = isReturnedFirst ? this.#returnedLevel : this.#priorityOf(entry);
      const level = returned.levels.get(index) ?? new Deque<QueueEntry>();
      if (level.length === 0) returned.levels.set(index, level);
      level.push(entry);
      returned.bytes += entry.message.bodyLength;
      if (++returned.length % itemsPerStep === 0) yield;
    }
    return returned;
  }

  putBack({ length, bytes, levels }: Returned): void {
    this.length += length;
    this.bytes += bytes;
    for (const [index, entries] of levels) this.#level(index).putBack(entries);
  }

  shift(): QueueEntry | undefined {
    const entry = this.#topLevel()?.shift();
    if (entry !== undefined) this.#uncount(entry);
    return entry;
  }

  /** Removes expired entries from the head of each priority, and calls `onExpired` with each of them. */
  takeExpired(now: number, onExpired: (entry: QueueEntry) => void): void {
    for (const level of this.#levels) {
      if (level === undefined) continue;
      for (let head = level.first(); isExpired(head, now); head = level.first()) {
        level.shift();
        this.#uncount(head);
        onExpired(head);
      }
    }
  }

  /** Returns the earliest expiry of the heads, or Infinity if they do not expire. */
  nextExpiry(): number {
    let next = Infinity;
    for (const level of this.#levels) next = Math.min(next, level?.first()?.expiresAt ?? Infinity);
    return next;
  }

  /** Removes all entries and returns them in any order. */
  takeAll(): Iterable<QueueEntry> {
    const levels = this.#levels.splice(0);
    this.length = 0;
    this.bytes = 0;
    this.#top = 0;
    return entriesOf(levels);
  }

  /** Iterates in any order. */
  [Symbol.iterator](): Iterator<QueueEntry> {
    return entriesOf(this.#levels);
  }

  #uncount(entry: QueueEntry): void {
    this.length--;
    this.bytes -= entry.message.bodyLength;
  }

  #priorityOf({ message }: QueueEntry): number {
    const { maxPriority, defaultPriority } = this.#order;
    return Math.min(message.priority ?? defaultPriority, maxPriority);
  }

  #level(index: number): Level {
    if (index > this.#top) this.#top = index;
    const existing = this.#levels[index];
    if (existing !== undefined) return existing;
    const level = new Level({ isSorted: !this.#order.isReturnedFirst });
    while (this.#levels.length < index) this.#levels.push(undefined);
    this.#levels[index] = level;
    return level;
  }

  #topLevel(): Level | undefined {
    for (; this.#top > 0; this.#top--) {
      const level = this.#levels[this.#top];
      if (level !== undefined && level.length > 0) return level;
    }
    return this.#levels[0];
  }
}

function* entriesOf(levels: readonly (Level | undefined)[]): Generator<QueueEntry> {
  for (const level of levels) if (level !== undefined) yield* level;
}

function isExpired(entry: QueueEntry | undefined, now: number): entry is QueueEntry {
  return entry?.expiresAt !== undefined && entry.expiresAt <= now;
}
