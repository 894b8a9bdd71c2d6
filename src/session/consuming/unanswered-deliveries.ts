// Tracks the deliveries of one channel that have no answer yet, in the order of their arrival.

import { ArrivalOrder } from '../../arrival-order.ts';
import { MqError } from '../../errors.ts';
import { consumerTimeoutHint } from '../failure.ts';
import type { ConsumerDelivery } from './delivery.ts';

export class UnansweredDeliveries {
  readonly #deliveries = new ArrivalOrder<ConsumerDelivery>();
  #lastOffset: number | undefined;

  get size(): number {
    return this.#deliveries.size;
  }

  /** Last offset received on this channel, if the queue is a stream. */
  get lastOffset(): number | undefined {
    return this.#lastOffset;
  }

  /** Offset at which another consumer must start to receive all unanswered messages and everything after them. */
  get resumeAt(): number | undefined {
    const [oldest] = this.#deliveries;
    return oldest?.offset ?? (this.lastOffset === undefined ? undefined : this.lastOffset + 1);
  }

  add(delivery: ConsumerDelivery): void {
    this.#lastOffset = delivery.offset;
    this.#deliveries.add(delivery);
  }

  delete(delivery: ConsumerDelivery): void {
    this.#deliveries.delete(delivery);
  }

  /** Returns an error with the probable cause of a basic.cancel, because the broker does not send the cause. */
  cancelled(): MqError {
    const [oldest] = this.#deliveries;
    const seconds = oldest ? Math.floor((performance.now() - oldest.at) / 1000) : 0;
    if (!oldest || seconds === 0) return new MqError('UNAVAILABLE', 'the broker cancelled the consumer');
    const { messageId } = oldest.raw.properties;
    const message = messageId === undefined ? 'a message' : `message ${messageId}`;
    const cause = `its queue was deleted, or ${message} exceeded the consumer timeout (unacknowledged for ${seconds} s)`;
    return new MqError('UNAVAILABLE', `the broker cancelled the consumer: ${cause}`, { hint: consumerTimeoutHint });
  }
}
