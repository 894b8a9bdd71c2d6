// Combines the acknowledgements of one channel: those of one event-loop turn are sent together in as few frames as
// possible. Each frame costs the broker work. On a quorum queue, a frame costs much more than the messages that it
// acknowledges.

import { time } from '../../time.ts';
import type { Channel } from '../channel.ts';
import type { RawMessage } from '../raw-message.ts';

/** Requires a channel with one consumer, whose delivery tags are 1, 2, 3, … (AMQP 0-9-1, 1.8.3.13). */
export class Acks {
  readonly #channel: Channel;
  /** All deliveries with a lower tag have been answered. */
  #lowest = 1;
  /** Answered tags that are not below `#lowest`. */
  readonly #answered = new Set<number>();
  /**
   * Tags to acknowledge at the end of the turn. The messages are not kept, because V8 would note that they live long, and
   * put later ones into the old generation.
   */
  #turn: number[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  ack(message: RawMessage): void {
    this.skip(message);
    if (this.#turn.push(message.fields.deliveryTag) === 1) time.nextTurn(() => this.#flush());
  }

  /** Records that the delivery was answered by nack or reject. */
  skip({ fields }: RawMessage): void {
    if (fields.deliveryTag === this.#lowest) this.#lowest += 1;
    else this.#answered.add(fields.deliveryTag);
    if (this.#answered.size > 0) while (this.#answered.delete(this.#lowest)) this.#lowest += 1;
  }

  /**
   * Sends the pending acknowledgements. Resolves when the broker has received them or the channel is closed. The broker
   * handles the methods of a channel in order, so the answer to basic.qos follows the acknowledgements. `prefetch` is
   * the prefetch of the channel.
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
    // RabbitMQ refuses a tag that was already answered, so `upTo` must be a delivery that this turn acknowledges.
    let upTo = 0;
    const others: number[] = [];
    for (const tag of turn) {
      if (tag > this.#lowest) others.push(tag);
      else if (tag > upTo) upTo = tag;
    }
    try {
      if (upTo > 0) this.#channel.ack({ fields: { deliveryTag: upTo } }, true);
      for (const deliveryTag of others) this.#channel.ack({ fields: { deliveryTag } }, false);
    } catch {
      // amqplib throws if the channel is closing. The broker requeues the unanswered messages then.
    }
  }
}
