// The acknowledgements of one channel: those of a turn of the event loop go out together, as few frames as can be.
// A broker works for each frame, on a quorum queue much more than for the messages that one frame acknowledges.

import type { Channel, RawMessage } from 'amqplib/callback_api';

/** For a channel with one consumer, whose delivery tags are therefore 1, 2, 3, … (AMQP 0-9-1, 1.8.3.13). */
export class Acks {
  readonly #channel: Channel;
  /** Every delivery before this one has its answer. */
  #lowest = 1;
  /** The tags after the lowest that have their answer. */
  readonly #answered = new Set<number>();
  /** To be acknowledged at the end of the turn. */
  #turn: RawMessage[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  ack(message: RawMessage): void {
    this.skip(message);
    if (this.#turn.push(message) === 1) setImmediate(() => this.#flush());
  }

  /** The delivery was answered by nack or reject. */
  skip({ fields }: RawMessage): void {
    this.#answered.add(fields.deliveryTag);
    while (this.#answered.delete(this.#lowest)) this.#lowest += 1;
  }

  /**
   * Sends the acknowledgements that wait for the end of the turn. Resolves when the broker has received them, or when the
   * channel is gone. A broker handles the methods of a channel in their order, so the answer to basic.qos comes after them.
   * `prefetch` is that of the channel.
   */
  async flush(prefetch: number): Promise<void> {
    this.#flush();
    const { promise, resolve } = Promise.withResolvers<void>();
    const answered = () => resolve();
    this.#channel.once('close', answered);
    try {
      this.#channel.prefetch(prefetch, false, answered);
      await promise;
    } catch {
      // amqplib: the channel is closing.
    } finally {
      this.#channel.off('close', answered);
    }
  }

  #flush(): void {
    const turn = this.#turn;
    this.#turn = [];
    // RabbitMQ refuses a tag that has its answer, so `upTo` is one of this turn.
    let upTo: RawMessage | undefined;
    const others: RawMessage[] = [];
    for (const message of turn) {
      const { deliveryTag } = message.fields;
      if (deliveryTag > this.#lowest) others.push(message);
      else if (!upTo || deliveryTag > upTo.fields.deliveryTag) upTo = message;
    }
    try {
      if (upTo) this.#channel.ack(upTo, true);
      for (const message of others) this.#channel.ack(message, false);
    } catch {
      // amqplib: the channel is closing, and the broker takes back what it has no answer for.
    }
  }
}
