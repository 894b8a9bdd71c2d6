// A message that the broker has delivered, and what it can be answered.

import type { Channel, RawMessage } from 'amqplib/callback_api';
import type { Acks } from './acks.ts';

export interface Delivery {
  readonly raw: RawMessage;
  /** The broker's name of the queue. */
  readonly queue: string;
  /** The channel is gone, so no answer can be sent. */
  readonly isStale: boolean;
  /** It is stale, and the broker delivers the message again. Not so if the queue goes with its connection. */
  readonly isRequeued: boolean;
  /** Each gives false if the answer was dropped: the channel is gone, and the broker has taken the message back. */
  ack(): boolean;
  nack(requeue: boolean): boolean;
  reject(requeue: boolean): boolean;
}

/** What the deliveries of one channel have in common. */
export interface Intake {
  readonly channel: Channel;
  readonly acks: Acks;
  readonly queue: string;
  /** When the channel is lost, the broker keeps its messages. */
  readonly isKept: boolean;
  readonly isCurrent: () => boolean;
  /** Returns false if the answer was dropped. */
  readonly answer: (raw: RawMessage, send: () => void) => boolean;
}

export class ConsumerDelivery implements Delivery {
  readonly raw: RawMessage;
  readonly #intake: Intake;
  #isAnswered = false;

  constructor(intake: Intake, raw: RawMessage) {
    this.#intake = intake;
    this.raw = raw;
  }

  get queue(): string {
    return this.#intake.queue;
  }

  get isStale(): boolean {
    return !this.#intake.isCurrent();
  }

  get isRequeued(): boolean {
    return this.#intake.isKept && this.isStale;
  }

  ack(): boolean {
    return this.#answer(({ acks }) => acks.ack(this.raw));
  }

  nack(requeue: boolean): boolean {
    return this.#answer(({ acks, channel }) => {
      acks.skip(this.raw);
      channel.nack(this.raw, false, requeue);
    });
  }

  reject(requeue: boolean): boolean {
    return this.#answer(({ acks, channel }) => {
      acks.skip(this.raw);
      channel.reject(this.raw, requeue);
    });
  }

  #answer(send: (intake: Intake) => void): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    return this.#intake.answer(this.raw, () => send(this.#intake));
  }
}
