// Tracks the deliveries of one channel that have no answer yet, in the order of their arrival.

import { ArrivalOrder } from '../../arrival-order.ts';
import { MqError } from '../../errors.ts';
import { time } from '../../time.ts';
import { consumerTimeoutHint } from '../failure.ts';
import type { ConsumerDelivery } from './delivery.ts';

export class UnansweredDeliveries {
  readonly #deliveries = new ArrivalOrder<ConsumerDelivery>();

  get size(): number {
    return this.#deliveries.size;
  }

  add(delivery: ConsumerDelivery): void {
    this.#deliveries.add(delivery);
  }

  delete(delivery: ConsumerDelivery): void {
    this.#deliveries.delete(delivery);
  }

  /** Returns an error with the probable cause of a basic.cancel, because the broker does not send the cause. */
  cancelled(): MqError {
    const [oldest] = this.#deliveries;
    const seconds = oldest ? Math.floor((time.now() - oldest.at) / 1000) : 0;
    if (!oldest || seconds === 0) return new MqError('UNAVAILABLE', 'the broker cancelled the consumer');
    const { messageId } = oldest.raw.properties;
    const message = messageId === undefined ? 'a message' : `message ${messageId}`;
    const cause = `its queue was deleted, or ${message} exceeded the consumer timeout (unacknowledged for ${seconds} s)`;
    return new MqError('UNAVAILABLE', `the broker cancelled the consumer: ${cause}`, { hint: consumerTimeoutHint });
  }
}
