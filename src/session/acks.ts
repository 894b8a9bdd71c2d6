// The acknowledgements of one channel: those of a turn of the event loop go out together, as few frames as can be.
// A broker works for each frame, on a quorum queue much more than for the messages that one frame acknowledges.

import type { Channel, RawMessage } from 'amqplib/callback_api';

/** For a channel with one consumer, whose delivery tags are therefore 1, 2, 3, … (AMQP 0-9-1, 1.8.3.13). */
export class Acks {
  readonly #channel: Channel;
  /** Every delivery before this one has its answer. */
  #lowest = 1;
  /** Answered: to be acknowledged at the end of the turn, or (undefined) answered otherwise. */
  readonly #answered = new Map<number, RawMessage | undefined>();
  #isScheduled = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  ack(message: RawMessage): void {
    this.#answered.set(message.fields.deliveryTag, message);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  /** The delivery was answered by nack or reject. */
  skip(message: RawMessage): void {
    this.#answered.set(message.fields.deliveryTag, undefined);
  }

  #flush(): void {
    this.#isScheduled = false;
    let upTo: RawMessage | undefined;
    for (let tag = this.#lowest; this.#answered.has(tag); tag += 1) {
      upTo = this.#answered.get(tag) ?? upTo;
      this.#answered.delete(tag);
      this.#lowest = tag + 1;
    }
    try {
      if (upTo) this.#channel.ack(upTo, true);
      for (const [tag, message] of this.#answered) {
        if (!message) continue;
        this.#channel.ack(message, false);
        this.#answered.set(tag, undefined);
      }
    } catch {
      // amqplib: the channel is closing, and the broker takes back what it has no answer for.
    }
  }
}
