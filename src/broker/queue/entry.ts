// A message in one queue: ready, or delivered and not yet acknowledged.

import { Message } from './message.ts';

export class QueueEntry {
  readonly message: Message;
  /** Numbers the entries of a queue in the order of their arrival. */
  readonly position: number;
  /** By `Clock.now`; `undefined` if the message does not expire. */
  readonly expiresAt: number | undefined;
  /** The id of the message in the store; `undefined` if it is in memory only. */
  readonly storeId: number | undefined;
  redelivered = false;
  /** The number of returns to the queue. */
  acquiredCount = 0;
  /** The number of returns that count as failures: by a rejection, or by the loss of a channel. */
  deliveryCount = 0;

  constructor(message: Message, position: number, expiresAt: number | undefined, storeId: number | undefined) {
    this.message = message;
    this.position = position;
    this.expiresAt = expiresAt;
    this.storeId = storeId;
  }

  /** Returns the message with headers that contain both counts. */
  withDeliveryCount(): Message {
    const { message, acquiredCount, deliveryCount } = this;
    const counts = deliveryCount === 0 ? {} : { 'x-delivery-count': deliveryCount };
    return new Message({
      ...message,
      ...message.changedContent({ headers: { 'x-acquired-count': acquiredCount, ...counts } }),
    });
  }
}
