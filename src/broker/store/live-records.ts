// Which records of the log are still needed: in memory, no contents. Recovery and the running store apply the same
// changes to it.

import { forEach, itemsPerStep, type Work } from '../slices.ts';
import type { Definition, Returns } from './contract.ts';
import type { Place } from './record.ts';
import type { Segment } from './segment.ts';

/** Where a record lies that is needed. */
interface Located {
  readonly segment: Segment;
  readonly length: number;
  /** How many queues still hold it; a definition counts one. */
  uses: number;
}

interface Entry {
  readonly located: Located;
  readonly expiresAt: number | undefined;
  returns: Returns;
}

export interface Defined {
  readonly definition: Definition;
  /** Its place among all definitions. */
  readonly sequence: number;
  readonly located: Located;
}

export class StoreIndex {
  readonly #queues = new Map<string, Map<number, Entry>>();
  readonly #definitions = new Map<string, Defined>();
  /** Bytes of all records that are needed. */
  liveBytes = 0;
  /** Works of `drop` that have not ended. Until then more bytes count as needed than are. */
  drops = 0;
  /** Above every id and sequence that the log has. */
  nextId = 1;
  nextSequence = 1;
  nextReturn = 1;

  definitions(): Iterable<Defined> {
    return this.#definitions.values();
  }

  defined(kind: string, key: string): Defined | undefined {
    return this.#definitions.get(nameOf(kind, key));
  }

  /** The queues that still hold the message as this record of this segment has it. */
  placesIn(segment: Segment, { id, places }: { id: number; places: readonly Place[] }): Place[] {
    const held: Place[] = [];
    for (const { queue } of places) {
      const entry = this.#queues.get(queue)?.get(id);
      if (entry?.located.segment !== segment) continue;
      held.push({ queue, expiresAt: entry.expiresAt, returns: entry.returns });
    }
    return held;
  }

  define(definition: Definition, sequence: number, segment: Segment, length: number): void {
    this.undefine(definition.kind, definition.key);
    const located = this.#locate(segment, length, 1);
    this.#definitions.set(nameOf(definition.kind, definition.key), { definition, sequence, located });
    this.nextSequence = Math.max(this.nextSequence, sequence + 1);
  }

  /** False when there was none. */
  undefine(kind: string, key: string): boolean {
    const name = nameOf(kind, key);
    const defined = this.#definitions.get(name);
    if (defined === undefined) return false;
    this.#release(defined.located);
    return this.#definitions.delete(name);
  }

  /** A message, new or written again by cleaning: the last record says where it lies and what its queues know of it. */
  enqueue(id: number, places: readonly Place[], segment: Segment, length: number): void {
    const located = this.#locate(segment, length, places.length);
    for (const { queue, expiresAt, returns } of places) {
      const entries = this.#queues.get(queue) ?? new Map<number, Entry>();
      if (entries.size === 0) this.#queues.set(queue, entries);
      const former = entries.get(id);
      if (former !== undefined) this.#release(former.located);
      // A message record that was written again may lack the returns, which follow it in records of their own.
      entries.set(id, { located, expiresAt, returns: former?.returns ?? returns });
    }
    this.sawId(id);
  }

  /** False when it was not there. */
  settle(id: number, queue: string): boolean {
    const entries = this.#queues.get(queue);
    const entry = entries?.get(id);
    if (entries === undefined || entry === undefined) return false;
    entries.delete(id);
    if (entries.size === 0) this.#queues.delete(queue);
    this.#release(entry.located);
    return true;
  }

  /** False when the message is not there. */
  returned(id: number, queue: string, returns: Returns): boolean {
    const entry = this.#queues.get(queue)?.get(id);
    if (entry === undefined) return false;
    entry.returns = returns;
    this.nextReturn = Math.max(this.nextReturn, returns.order + 1);
    return true;
  }

  /**
   * Forgets the messages of a queue. Returns the work that counts what is not needed any more, or undefined if the queue had
   * nothing.
   */
  drop(queue: string): Work | undefined {
    const entries = this.#queues.get(queue);
    if (entries === undefined) return undefined;
    this.#queues.delete(queue);
    this.drops++;
    return this.#dropped(entries.values());
  }

  *#dropped(entries: Iterable<Entry>): Work {
    yield* forEach(entries, ({ located }) => this.#release(located), itemsPerStep);
    this.drops--;
  }

  sawId(id: number): void {
    if (id >= this.nextId) this.nextId = id + 1;
  }

  #locate(segment: Segment, length: number, uses: number): Located {
    if (uses > 0) {
      segment.liveBytes += length;
      this.liveBytes += length;
    }
    return { segment, length, uses };
  }

  #release(located: Located): void {
    located.uses -= 1;
    if (located.uses > 0) return;
    located.segment.liveBytes -= located.length;
    this.liveBytes -= located.length;
  }
}

function nameOf(kind: string, key: string): string {
  return `${kind}\0${key}`;
}
