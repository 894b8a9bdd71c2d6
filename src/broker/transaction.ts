// tx: publishes and acknowledgements wait for tx.commit (AMQP 0-9-1, 1.9). RabbitMQ promises no more either: a commit is not
// atomic over several queues.

import type { Channel } from './channel.ts';
import type { Held } from './deliveries.ts';
import type { Message } from './message.ts';

export class Transaction {
  readonly #channel: Channel;
  #publishes: { readonly message: Message; readonly mandatory: boolean }[] = [];
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

  acknowledge(held: readonly Held[], settle: (held: Held) => void): void {
    this.#acks.push({ held, settle });
  }

  /** Calls back once all of it is done, and on disk where it has to be. */
  commit(done: () => void): void {
    const publishes = this.#publishes;
    const acks = this.#acks;
    this.#publishes = [];
    this.#acks = [];
    let isStored = false;
    try {
      for (const { message, mandatory } of publishes) {
        if (this.#channel.publisher.route(message, mandatory).isStored) isStored = true;
      }
    } finally {
      for (const { message } of publishes) this.#channel.vhost.memory.release(message);
    }
    for (const { held, settle } of acks) for (const each of held) settle(each);
    const { vhost, connection } = this.#channel;
    if (!isStored || vhost.store === undefined) {
      done();
      return;
    }
    vhost.store.committed((error) => {
      if (this.#channel.isClosing) return;
      if (error === undefined) done();
      else connection.fail(error);
    });
  }

  /** The messages that were acknowledged are unacknowledged again. */
  rollback(): void {
    for (const { message } of this.#publishes) this.#channel.vhost.memory.release(message);
    this.#publishes = [];
    for (const { held } of this.#acks) this.#channel.deliveries.restore(held);
    this.#acks = [];
  }
}
