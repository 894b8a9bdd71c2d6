// Defines a message that the broker has delivered, and its possible answers.

import type { Placed } from '../../arrival-order.ts';
import type { RawMessage } from '../raw-message.ts';

export interface Delivery {
  readonly raw: RawMessage;
  /** The broker's name of the queue. */
  readonly queue: string;
  /** `true` if the channel is closed, so that no answer can be sent. */
  readonly isStale: boolean;
  /**
   * `true` if the channel is closed and the broker delivers the message again. It does not if the queue was deleted
   * with the connection.
   */
  readonly isRequeued: boolean;
  /**
   * Acknowledges the message. `ack`, `nack` and `reject` return `false` if no answer was sent, because the message was
   * already answered or its channel is closed.
   */
  ack(): boolean;
  nack(requeue: boolean): boolean;
  reject(requeue: boolean): boolean;
}

/** Properties that all deliveries of one channel share. */
export interface DeliveryChannel {
  readonly queue: string;
  /** `true` if the broker keeps the messages when the channel is lost. */
  readonly isKept: boolean;
  /** Returns `false` if the channel is closed. */
  isCurrent(): boolean;
  /** Sends an answer. Returns `false` if it was dropped. */
  answer(delivery: ConsumerDelivery, answer: Answer): boolean;
  /** Records that a message of a stream is handled. Returns `true` if it is then not delivered again. */
  settle(offset: number, wasSent: boolean): boolean;
}

/** Answer to a delivery: basic.ack, basic.nack or basic.reject. */
export type Answer = 'ack' | 'nack' | 'nack-requeue' | 'reject' | 'reject-requeue';

export class ConsumerDelivery implements Delivery, Placed {
  place = -1;
  readonly raw: RawMessage;
  /** Time of arrival, on the monotonic clock. */
  readonly at: number;
  /** Offset in a stream. */
  readonly offset: number | undefined;
  readonly #channel: DeliveryChannel;
  #isAnswered = false;
  /** `true` if the message of a stream is handled, so that it is not delivered again. */
  #isSettled = false;

  constructor(channel: DeliveryChannel, raw: RawMessage, at: number, offset: number | undefined) {
    this.#channel = channel;
    this.raw = raw;
    this.at = at;
    this.offset = offset;
  }

  get queue(): string {
    return this.#channel.queue;
  }

  get isStale(): boolean {
    return !this.#channel.isCurrent();
  }

  get isRequeued(): boolean {
    return this.#channel.isKept && this.isStale && !this.#isSettled;
  }

  ack(): boolean {
    return this.#answer('ack');
  }

  nack(requeue: boolean): boolean {
    return this.#answer(requeue ? 'nack-requeue' : 'nack');
  }

  reject(requeue: boolean): boolean {
    return this.#answer(requeue ? 'reject-requeue' : 'reject');
  }

  #answer(answer: Answer): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    const wasSent = this.#channel.answer(this, answer);
    if (this.offset !== undefined && !answer.endsWith('requeue'))
      this.#isSettled = this.#channel.settle(this.offset, wasSent);
    return wasSent;
  }
}
