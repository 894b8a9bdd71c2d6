// Defines a message that the broker has delivered, and its possible answers.

import type { Channel } from '../channel.ts';
import type { RawMessage } from '../raw-message.ts';
import type { Acks } from './acks.ts';

export interface Delivery {
  readonly raw: RawMessage;
  /** The broker's name of the queue. */
  readonly queue: string;
  /** `true` if the channel is closed, so that no answer can be sent. */
  readonly isStale: boolean;
  /** `true` if it is stale and the broker delivers the message again. A queue of the connection is deleted instead. */
  readonly isRequeued: boolean;
  /**
   * Acknowledges the message. Like the other two, it returns `false` if the answer was dropped: the channel is closed
   * and the broker has requeued the message.
   */
  ack(): boolean;
  nack(requeue: boolean): boolean;
  reject(requeue: boolean): boolean;
}

/** Properties that all deliveries of one channel share. */
export interface Intake {
  readonly channel: Channel;
  readonly acks: Acks;
  readonly queue: string;
  /** `true` if the broker keeps the messages when the channel is lost. */
  readonly isKept: boolean;
  readonly isCurrent: () => boolean;
  /** Sends an answer. Returns `false` if it was dropped. */
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
