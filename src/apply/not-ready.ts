// Counts the messages of a queue that AMQP does not count.

import type { Plain } from '../config/plain.ts';

/** Messages that a deletion of their queue loses, although the queue is empty over AMQP. */
export interface NotReady {
  readonly unacknowledged: number;
  /** Dead letters that wait for their target (`at-least-once`), and messages that wait for a delayed retry. */
  readonly heldBack: number;
}

/**
 * Returns the numbers in a description of a queue by the management API. RabbitMQ 4.0.5, 4.3.6: only `messages` contains
 * the messages that are held back.
 */
export function notReadyIn(described: Plain): NotReady {
  const count = (name: string) => Number(described[name] ?? 0);
  const unacknowledged = count('messages_unacknowledged');
  return { unacknowledged, heldBack: Math.max(0, count('messages') - count('messages_ready') - unacknowledged) };
}
