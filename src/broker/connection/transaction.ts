// tx: publishes and acknowledgements wait for tx.commit (AMQP 0-9-1, 1.9). RabbitMQ promises no more either: a commit is not
// atomic over several queues.

import type { Memory } from '../queue/memory.ts';
import type { Message } from '../queue/message.ts';
import { forEach, itemsPerStep, type Work } from '../slices.ts';
import type { Routed } from '../vhost/routed.ts';
import type { UnackedDelivery } from './unacked-delivery.ts';

/** The parts of the channel that carry out what waits for the commit. */
interface TransactionParts {
  readonly memory: Memory;
  readonly publisher: { route(message: Message, mandatory: boolean): Routed };
  readonly deliveries: { restored(taken: UnackedDelivery[]): Work };
}

interface Publish {
  readonly message: Message;
  readonly mandatory: boolean;
}

export class Transaction {
  readonly #parts: TransactionParts;
  #publishes: Publish[] = [];
  #acks: { readonly held: readonly UnackedDelivery[]; readonly settle: (held: UnackedDelivery) => void }[] = [];

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  get uncommitted() {
    return { messages: this.#publishes.length, acks: this.#acks.reduce((sum, { held }) => sum + held.length, 0) };
  }

  publish(message: Message, mandatory: boolean): void {
    this.#parts.memory.hold(message);
    this.#publishes.push({ message, mandatory });
  }

  *acknowledged(taken: Iterable<UnackedDelivery>, settle: (held: UnackedDelivery) => void): Work {
    const held: UnackedDelivery[] = [];
    this.#acks.push({ held, settle });
    yield* forEach(taken, (each) => held.push(each), itemsPerStep);
  }

  /** Does what waits. Returns whether something of it has to be on disk. */
  *committed(): Work<boolean> {
    const publishes = this.#publishes;
    const acks = this.#acks;
    this.#publishes = [];
    this.#acks = [];
    let isStored = false;
    let routed = 0;
    try {
      for (; routed < publishes.length; routed++) {
        const { message, mandatory } = publishes[routed] as Publish;
        if (this.#parts.publisher.route(message, mandatory).isStored) isStored = true;
        this.#parts.memory.release(message);
        yield;
      }
    } catch (error) {
      // The end of the channel rolls back the rest.
      this.#publishes = publishes.slice(routed);
      this.#acks = acks;
      throw error;
    }
    for (const { held, settle } of acks) yield* forEach(held, settle);
    return isStored;
  }

  /** Forgets the publishes. The messages that were acknowledged are unacknowledged again. */
  *rolledBack(): Work {
    const publishes = this.#publishes;
    const acks = this.#acks;
    this.#publishes = [];
    this.#acks = [];
    yield* forEach(publishes, ({ message }) => this.#parts.memory.release(message), itemsPerStep);
    const taken: UnackedDelivery[] = [];
    for (const { held } of acks) yield* forEach(held, (each) => taken.push(each), itemsPerStep);
    if (taken.length > 0) yield* this.#parts.deliveries.restored(taken);
  }
}
