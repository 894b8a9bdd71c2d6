// A message that the broker has delivered, and what it can be answered.

import type { RawMessage } from 'amqplib/callback_api';

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
