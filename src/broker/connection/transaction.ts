// A transaction of a channel (AMQP 0-9-1, 1.9): publishes and acknowledgements wait for tx.commit. As in RabbitMQ, a commit
// that affects several queues is not atomic.

import type { Memory } from '../queue/memory.ts';
import type { Message } from '../queue/message.ts';
import { forEach, itemsPerStep, type Work } from '../slices.ts';
import type { Routed } from '../vhost/routed.ts';
import type { UnackedDelivery } from './unacked-deliveries.ts';

/** The parts of the channel that a commit or rollback uses. */
interface TransactionParts {
  readonly memory: Memory;
  readonly publisher: { route(message: Message, mandatory: boolean): Routed };
  readonly unacked: { restore(taken: UnackedDelivery[]): Work };
}

interface Publish {
  readonly message: Message;
  readonly mandatory: boolean;
}

interface Acknowledgement {
  readonly deliveries: readonly UnackedDelivery[];
  readonly settle: (delivery: UnackedDelivery) => void;
}

export class Transaction {
  readonly #parts: TransactionParts;
  #publishes: Publish[] = [];
  #acknowledgements: Acknowledgement[] = [];

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  /** Numbers of publishes and of acknowledged deliveries that wait for the commit. */
  get uncommitted() {
    return {
      messages: this.#publishes.length,
      acks: this.#acknowledgements.reduce((sum, { deliveries }) => sum + deliveries.length, 0),
    };
  }

  publish(message: Message, mandatory: boolean): void {
    this.#parts.memory.hold(message);
    this.#publishes.push({ message, mandatory });
  }

  /** Records deliveries. The commit calls `settle` for each of them. */
  *acknowledged(taken: Iterable<UnackedDelivery>, settle: (delivery: UnackedDelivery) => void): Work {
    const deliveries: UnackedDelivery[] = [];
    this.#acknowledgements.push({ deliveries, settle });
    yield* forEach(taken, (delivery) => deliveries.push(delivery), itemsPerStep);
  }

  /** Routes the publishes and settles the deliveries. Returns true if the store has to write a message. */
  *commit(): Work<boolean> {
    const publishes = this.#publishes;
    const acknowledgements = this.#acknowledgements;
    this.#publishes = [];
    this.#acknowledgements = [];
    let isStored = false;
    let routed = 0;
    try {
      for (const { message, mandatory } of publishes) {
        if (this.#parts.publisher.route(message, mandatory).isStored) isStored = true;
        this.#parts.memory.release(message);
        routed++;
        yield;
      }
    } catch (error) {
      // The error closes the channel, which rolls back the rest.
      this.#publishes = publishes.slice(routed);
      this.#acknowledgements = acknowledgements;
      throw error;
    }
    for (const { deliveries, settle } of acknowledgements) yield* forEach(deliveries, settle);
    return isStored;
  }

  /** Drops the publishes. The acknowledged deliveries become unacknowledged again. */
  *rollback(): Work {
    const publishes = this.#publishes;
    const acknowledgements = this.#acknowledgements;
    this.#publishes = [];
    this.#acknowledgements = [];
    yield* forEach(publishes, ({ message }) => this.#parts.memory.release(message), itemsPerStep);
    const taken: UnackedDelivery[] = [];
    for (const { deliveries } of acknowledgements) {
      yield* forEach(deliveries, (delivery) => taken.push(delivery), itemsPerStep);
    }
    if (taken.length > 0) yield* this.#parts.unacked.restore(taken);
  }
}
