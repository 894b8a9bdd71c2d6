// The messages of a queue that wait for a consumer: highest priority first, and in order of arrival within a priority.

import { itemsPerStep, sorted, type Work } from '../slices.ts';
import { Deque } from './deque.ts';
import type { Entry } from './entry.ts';
import { Level } from './level.ts';

export interface Order {
  readonly maxPriority: number;
  readonly defaultPriority: number;
  /** RabbitMQ: what comes back to a quorum queue goes before all others; to a classic queue, where it was. */
  readonly isReturnedFirst: boolean;
}

/** Entries that come back together, by priority. */
export class Returned {
  length = 0;
  bytes = 0;
  readonly levels = new Map<number, Deque<Entry>>();

  *[Symbol.iterator](): Generator<Entry> {
    for (const level of this.levels.values()) yield* level;
  }
}

export class ReadyMessages {
  length = 0;
  /** Of the bodies. */
  bytes = 0;
  readonly #order: Order;
  /** By priority, made when they are needed; above them what was returned. */
  readonly #levels: (Level | undefined)[] = [];
  readonly #returnedLevel: number;
  /** No level above has anything. */
  #top = 0;

  constructor(order: Order) {
    this.#order = order;
    this.#returnedLevel = order.maxPriority + 1;
  }

  push(entry: Entry): void {
    this.#level(this.#priorityOf(entry)).push(entry);
    this.length++;
    this.bytes += entry.message.bodyLength;
  }

  /** Brings entries into the order in which `putBack` needs them. */
  *returned(entries: readonly Entry[]): Work<Returned> {
    const returned = new Returned();
    const { isReturnedFirst } = this.#order;
    const inOrder = isReturnedFirst ? entries : yield* sorted(entries, (a, b) => a.position - b.position);
    for (const entry of inOrder) {
      const index = isReturnedFirst ? this.#returnedLevel : this.#priorityOf(entry);
      const level = returned.levels.get(index) ?? new Deque<Entry>();
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

  /** Empties the queue at once. Returns what was in it, in any order. */
  takeAll(): Iterable<Entry> {
    const levels = this.#levels.splice(0);
    this.length = 0;
    this.bytes = 0;
    this.#top = 0;
    return entriesOf(levels);
  }

  /** Not in the order of delivery. */
  [Symbol.iterator](): Iterator<Entry> {
    return entriesOf(this.#levels);
  }

  #taken(entry: Entry): void {
    this.length--;
    this.bytes -= entry.message.bodyLength;
  }

  #priorityOf({ message }: Entry): number {
    const { maxPriority, defaultPriority } = this.#order;
    return Math.min(message.priority ?? defaultPriority, maxPriority);
  }

  #level(index: number): Level {
    if (index > this.#top) this.#top = index;
    const known = this.#levels[index];
    if (known !== undefined) return known;
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

function* entriesOf(levels: readonly (Level | undefined)[]): Generator<Entry> {
  for (const level of levels) if (level !== undefined) yield* level;
}

function isExpired(entry: Entry | undefined, now: number): entry is Entry {
  return entry?.expiresAt !== undefined && entry.expiresAt <= now;
}
