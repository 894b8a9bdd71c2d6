// tx: publishes and acknowledgements wait for tx.commit (AMQP 0-9-1, 1.9). RabbitMQ promises no more either: a commit is not
// atomic over several queues.

import type { Message } from '../queue/message.ts';
import { forEach, itemsPerStep, type Work } from '../slices.ts';
import type { Channel } from './channel.ts';
import type { Held } from './deliveries.ts';

interface Publish {
  readonly message: Message;
  readonly mandatory: boolean;
}

export class Transaction {
  readonly #channel: Channel;
  #publishes: Publish[] = [];
  #acks: { readonly held: readonly Held[]; readonly settle: (held: Held) => void }[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get uncommitted() {
    return { messages: this.#publishes.length, acks: this.#acks.reduce((sum, { held }) => sum + held.length, 0) };
  }

  publish(message: Message, mandatory: boolean): void {
    this.#channel.vhost.memory.hold(message);
    this.#publishes.push({ message, mandatory });
  }

  *acknowledged(taken: Iterable<Held>, settle: (held: Held) => void): Work {
    const held: Held[] = [];
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
        if (this.#channel.publisher.route(message, mandatory).isStored) isStored = true;
        this.#channel.vhost.memory.release(message);
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
    yield* forEach(publishes, ({ message }) => this.#channel.vhost.memory.release(message), itemsPerStep);
    const taken: Held[] = [];
    for (const { held } of acks) yield* forEach(held, (each) => taken.push(each), itemsPerStep);
    if (taken.length > 0) yield* this.#channel.deliveries.restored(taken);
  }
}
