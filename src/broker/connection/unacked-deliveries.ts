// The deliveries of a channel that the client has not acknowledged, by delivery tag.

import { ProtocolError } from '../protocol-error.ts';
import type { Consumer } from '../queue/consumers.ts';
import type { QueueEntry } from '../queue/entry.ts';
import type { Queue } from '../queue/queue.ts';
import { itemsPerStep, sorted, type Work } from '../slices.ts';
import { TagMap } from './tag-map.ts';

export interface UnackedDelivery {
  readonly tag: number;
  readonly entry: QueueEntry;
  readonly queue: Queue;
  /** `undefined` after basic.get. */
  readonly consumer: Consumer | undefined;
}

export class UnackedDeliveries {
  #byTag = new TagMap<UnackedDelivery>();
  #lastTag = 0;

  get size(): number {
    return this.#byTag.size;
  }

  /** Returns the tag of the next delivery. Deliveries without acknowledgement have tags, too. */
  nextTag(): number {
    return ++this.#lastTag;
  }

  add(delivery: UnackedDelivery): void {
    this.#byTag.add(delivery.tag, delivery);
  }

  /** Removes and returns the delivery of a tag. Throws 406 for an unknown tag. */
  take(tag: number): UnackedDelivery {
    const delivery = this.#byTag.take(tag);
    if (delivery === undefined) throw unknownTag(tag);
    return delivery;
  }

  /**
   * Throws 406 if there is no unacknowledged delivery with this tag. RabbitMQ requires one even for `multiple`. Tag 0 means
   * all deliveries (AMQP 0-9-1, 1.8.3.13).
   */
  assertHas(tag: number): void {
    if (tag !== 0 && !this.#byTag.has(tag)) throw unknownTag(tag);
  }

  /** Removes the deliveries up to a tag and yields them in the order of delivery. Tag 0 means all. */
  *takeUpTo(tag: number): Generator<UnackedDelivery> {
    if (tag === 0 || tag === this.#lastTag) {
      const all = this.#byTag;
      this.#byTag = new TagMap();
      yield* all.takeUpTo(Infinity);
      return;
    }
    yield* this.#byTag.takeUpTo(tag);
  }

  /** Adds the deliveries of a rolled back transaction, and sorts all deliveries by tag. */
  *restore(taken: UnackedDelivery[]): Work {
    for (const delivery of this.takeUpTo(0)) {
      taken.push(delivery);
      if (taken.length % itemsPerStep === 0) yield;
    }
    const all = new TagMap<UnackedDelivery>();
    for (const delivery of yield* sorted(taken, (a, b) => a.tag - b.tag)) {
      all.add(delivery.tag, delivery);
      if (all.size % itemsPerStep === 0) yield;
    }
    // More messages may have been delivered between the steps.
    while (this.size > 0) {
      for (const delivery of this.takeUpTo(0)) {
        all.add(delivery.tag, delivery);
        if (all.size % itemsPerStep === 0) yield;
      }
    }
    this.#byTag = all;
  }
}

function unknownTag(tag: number): ProtocolError {
  return new ProtocolError('PRECONDITION_FAILED', `unknown delivery tag ${tag}`);
}
