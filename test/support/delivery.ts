// Creates deliveries without a broker, for tests of a role.

import type { Message } from '../../src/handlers/handler.ts';
import { messageOf } from '../../src/roles/message.ts';
import type { Delivery } from '../../src/session/consumer.ts';

export interface Sent {
  readonly queue?: string;
  readonly id?: string | undefined;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly redelivered?: boolean;
  readonly replyTo?: string;
}

export interface Delivered {
  readonly delivery: Delivery;
  readonly message: Message;
  /** `isLost` is true after the channel closed. `answers` holds the acknowledgements that the broker received. */
  readonly state: { isLost: boolean; readonly answers: string[] };
}

/** Returns a delivery. `answers` receives its acknowledgements. */
export function delivered(
  { queue = 'q', id, body = 'text', headers = {}, redelivered = false, replyTo }: Sent = {},
  answers: string[] = [],
): Delivered {
  const fields = { exchange: '', routingKey: queue, redelivered, deliveryTag: 1, consumerTag: 'c' };
  const raw = {
    content: Buffer.from(body),
    fields,
    properties: { headers, ...(id !== undefined && { messageId: id }), ...(replyTo !== undefined && { replyTo }) },
  };
  const state = { isLost: false, answers };
  const answer = (what: string) => {
    if (!state.isLost) state.answers.push(what);
    return !state.isLost;
  };
  const delivery: Delivery = {
    raw,
    queue,
    get isStale() {
      return state.isLost;
    },
    get isRequeued() {
      return state.isLost;
    },
    ack: () => answer('ack'),
    nack: () => answer('nack'),
    reject: () => answer('reject'),
  };
  return { delivery, message: messageOf(raw, queue), state };
}
