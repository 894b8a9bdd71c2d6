// The index of the records that are still needed. It does not contain the contents of messages. Recovery and the running
// store apply the same changes to it.

import { forEach, itemsPerStep, type Work } from '../slices.ts';
import type { Definition, Returns } from './contract.ts';
import { neverReturned, type QueuedIn } from './record.ts';
import type { Segment } from './segment.ts';

/** A needed record. */
interface LiveRecord {
  readonly segment: Segment;
  readonly length: number;
  /** The number of queues that hold the message; 1 for a definition. */
  uses: number;
}

/** A message in one queue. */
interface HeldMessage {
  readonly record: LiveRecord;
  readonly expiresAt: number | undefined;
  returns: Returns;
}

interface Defined {
  readonly definition: Definition;
  /** The position among all definitions. */
  readonly sequence: number;
  readonly record: LiveRecord;
}

const noQueues: readonly string[] = [];

export class LiveRecords {
  readonly #queues = new Map<string, Map<number, HeldMessage>>();
  readonly #definitions = new Map<string, Defined>();
  /** Bytes of all needed records. */
  liveBytes = 0;
  /** The number of `drop` calls whose work has not ended. Until it ends, `liveBytes` is too high. */
  drops = 0;
  /** Greater than every id, sequence and return order in the log. */
  nextId = 1;
  nextSequence = 1;
  nextReturn = 1;

  definitions(): Iterable<Defined> {
    return this.#definitions.values();
  }

  defined(kind: string, key: string): Defined | undefined {
    return this.#definitions.get(nameOf(kind, key));
  }

  /** Returns the queues that hold the message and whose record of it is in this segment. */
  queuesIn(segment: Segment, { id, queues }: { id: number; queues: readonly QueuedIn[] }): Required<QueuedIn>[] {
    const holding: Required<QueuedIn>[] = [];
    for (const { queue } of queues) {
      const held = this.#queues.get(queue)?.get(id);
      if (held?.record.segment !== segment) continue;
      holding.push({ queue, expiresAt: held.expiresAt, returns: held.returns });
    }
    return holding;
  }

  define(definition: Definition, sequence: number, segment: Segment, length: number): void {
    this.undefine(definition.kind, definition.key);
    const record = this.#newRecord(segment, length, 1);
    this.#definitions.set(nameOf(definition.kind, definition.key), { definition, sequence, record });
    this.nextSequence = Math.max(this.nextSequence, sequence + 1);
  }

  /** Returns false if there was no such definition. */
  undefine(kind: string, key: string): boolean {
    const name = nameOf(kind, key);
    const defined = this.#definitions.get(name);
    if (defined === undefined) return false;
    this.#release(defined.record);
    return this.#definitions.delete(name);
  }

  /**
   * Adds a message, or replaces its record after compaction has written it again. Returns the queues to which it came back
   * before that.
   */
  enqueue(id: number, queues: readonly QueuedIn[], segment: Segment, length: number): readonly string[] {
    let withReturns = noQueues;
    const record = this.#newRecord(segment, length, queues.length);
    for (const { queue, expiresAt, returns = neverReturned } of queues) {
      const messages = this.#queues.get(queue) ?? new Map<number, HeldMessage>();
      if (messages.size === 0) this.#queues.set(queue, messages);
      const former = messages.get(id);
      if (former !== undefined) this.#release(former.record);
      if (former !== undefined && former.returns.order > 0) withReturns = [...withReturns, queue];
      // A record that compaction wrote may lack the returns, which follow in separate records.
      messages.set(id, { record, expiresAt, returns: former?.returns ?? returns });
    }
    this.markUsed(id);
    return withReturns;
  }

  /** Returns the returns of a message to a queue, or `undefined` if the queue does not hold it. */
  returnsOf(id: number, queue: string): Returns | undefined {
    return this.#queues.get(queue)?.get(id)?.returns;
  }

  /** Returns false if the queue does not hold the message. */
  settle(id: number, queue: string): boolean {
    const messages = this.#queues.get(queue);
    const held = messages?.get(id);
    if (messages === undefined || held === undefined) return false;
    messages.delete(id);
    if (messages.size === 0) this.#queues.delete(queue);
    this.#release(held.record);
    return true;
  }

  /** Returns false if the queue does not hold the message. */
  returned(id: number, queue: string, returns: Returns): boolean {
    const held = this.#queues.get(queue)?.get(id);
    if (held === undefined) return false;
    held.returns = returns;
    this.nextReturn = Math.max(this.nextReturn, returns.order + 1);
    return true;
  }

  /**
   * Removes the messages of a queue. Returns the work that updates `liveBytes`, or `undefined` if the queue did not have
   * any messages.
   */
  drop(queue: string): Work | undefined {
    const messages = this.#queues.get(queue);
    if (messages === undefined) return undefined;
    this.#queues.delete(queue);
    this.drops++;
    return this.#releaseAll(messages.values());
  }

  *#releaseAll(messages: Iterable<HeldMessage>): Work {
    yield* forEach(messages, ({ record }) => this.#release(record), itemsPerStep);
    this.drops--;
  }

  /** Makes `nextId` greater than `id`. */
  markUsed(id: number): void {
    if (id >= this.nextId) this.nextId = id + 1;
  }

  #newRecord(segment: Segment, length: number, uses: number): LiveRecord {
    if (uses > 0) {
      segment.liveBytes += length;
      this.liveBytes += length;
    }
    return { segment, length, uses };
  }

  #release(record: LiveRecord): void {
    record.uses -= 1;
    if (record.uses > 0) return;
    record.segment.liveBytes -= record.length;
    this.liveBytes -= record.length;
  }
}

function nameOf(kind: string, key: string): string {
  return `${kind}\0${key}`;
}
