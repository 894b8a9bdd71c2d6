// A transaction of a channel (AMQP 0-9-1, 1.9): publishes and acknowledgements wait for tx.commit. As in RabbitMQ, a message
// is routed when it is published, and a commit that affects several queues is not atomic.

import { ProtocolError } from '../protocol-error.ts';
import type { Memory } from '../queue/memory.ts';
import type { Message } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import { forEach, itemsPerStep, type Work } from '../slices.ts';
import type { Routed } from '../vhost/routed.ts';
import type { UnackedDelivery } from './unacked-deliveries.ts';

/** The parts of the channel that a commit or rollback uses. */
interface TransactionParts {
  readonly memory: Memory;
  readonly publisher: { deliver(message: Message, queues: readonly Queue[], mandatory: boolean): Routed };
  readonly unacked: { restore(taken: UnackedDelivery[]): Work };
}

interface Publish {
  readonly message: Message;
  /** The queues of its route. */
  readonly queues: readonly Queue[];
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

  publish(message: Message, queues: readonly Queue[], mandatory: boolean): void {
    this.#parts.memory.hold(message);
    this.#publishes.push({ message, queues, mandatory });
  }

  /** Records deliveries. The commit calls `settle` for each of them. */
  *acknowledged(taken: Iterable<UnackedDelivery>, settle: (delivery: UnackedDelivery) => void): Work {
    const deliveries: UnackedDelivery[] = [];
    this.#acknowledgements.push({ deliveries, settle });
    yield* forEach(taken, (delivery) => deliveries.push(delivery), itemsPerStep);
  }

  /**
   * Delivers the publishes and settles the deliveries. Returns true if the store has to write a message. Throws 406, after
   * all others are delivered and settled, if a full queue has refused a message.
   */
  *commit(): Work<boolean> {
    const publishes = this.#publishes;
    const acknowledgements = this.#acknowledgements;
    this.#publishes = [];
    this.#acknowledgements = [];
    let isStored = false;
    let isRefused = false;
    let delivered = 0;
    try {
      for (const { message, queues, mandatory } of publishes) {
        const routed = this.#parts.publisher.deliver(message, queues, mandatory);
        isStored ||= routed.isStored;
        isRefused ||= routed.isRefused;
        this.#parts.memory.release(message);
        delivered++;
        yield;
      }
    } catch (error) {
      // The error closes the channel, which rolls back the rest.
      this.#publishes = publishes.slice(delivered);
      this.#acknowledgements = acknowledgements;
      throw error;
    }
    for (const { deliveries, settle } of acknowledgements) yield* forEach(deliveries, settle);
    if (isRefused) throw new ProtocolError('PRECONDITION_FAILED', 'partial tx completion');
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
