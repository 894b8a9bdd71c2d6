// One message in one queue.

import { Message } from './message.ts';

/** A message in one queue, ready or delivered and not yet acknowledged. */
export class Entry {
  readonly message: Message;
  /** Grows with arrival in the queue. */
  readonly position: number;
  /** By `Clock.now`. */
  readonly expiresAt: number | undefined;
  /** The message's id in the store; undefined: it is in memory only. */
  readonly storeId: number | undefined;
  redelivered = false;
  /** How often it came back, and how often by a failure: a rejection, a lost channel. */
  acquiredCount = 0;
  deliveryCount = 0;

  constructor(message: Message, position: number, expiresAt: number | undefined, storeId: number | undefined) {
    this.message = message;
    this.position = position;
    this.expiresAt = expiresAt;
    this.storeId = storeId;
  }

  /** The message with headers that say how often it has come back. */
  counted(): Message {
    const { message, acquiredCount, deliveryCount } = this;
    const counts = deliveryCount === 0 ? {} : { 'x-delivery-count': deliveryCount };
    return new Message({
      ...message,
      ...message.changedContent({ headers: { 'x-acquired-count': acquiredCount, ...counts } }),
    });
  }
}
