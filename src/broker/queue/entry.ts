// A message in one queue: ready, or delivered and not yet acknowledged.

import { Message } from './message.ts';

export class QueueEntry {
  readonly message: Message;
  /** The number of the entry in the order of arrival. */
  readonly position: number;
  /** A time of `Clock.now`; `undefined` if the message does not expire. */
  readonly expiresAt: number | undefined;
  /** The id of the message in the store; `undefined` if it is in memory only. */
  readonly storeId: number | undefined;
  redelivered = false;
  /** The number of times that the message came back to the queue. */
  acquiredCount = 0;
  /** The number of returns that count as failures: after basic.reject, or after the loss of a channel. */
  deliveryCount = 0;

  constructor(message: Message, position: number, expiresAt: number | undefined, storeId: number | undefined) {
    this.message = message;
    this.position = position;
    this.expiresAt = expiresAt;
    this.storeId = storeId;
  }

  /** Returns a copy of the message with `x-acquired-count`, and with `x-delivery-count` if there was a failure. */
  withDeliveryCount(): Message {
    const { message, acquiredCount, deliveryCount } = this;
    const counts = deliveryCount === 0 ? {} : { 'x-delivery-count': deliveryCount };
    return new Message({
      ...message,
      ...message.changedContent({ headers: { 'x-acquired-count': acquiredCount, ...counts } }),
    });
  }
}
