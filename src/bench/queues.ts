// Names the place of a message that was not received, and deletes the queues of a benchmark.

import { MqError } from '../errors.ts';
import type { Destination, Session } from '../session/session.ts';
import type { Load } from './load.ts';

interface Unreceived {
  readonly publication: string;
  readonly subscription: string;
  readonly destination: Destination;
  readonly load: Load;
}

/** Returns the error for a message that was confirmed, and that the subscription did not receive. */
export function notReceived({ publication, subscription, destination, load }: Unreceived): MqError {
  const { exchange, routingKey } = destination;
  const key = load.routingKey ?? routingKey;
  const place = exchange === '' ? `in the queue '${key}'` : `where the exchange '${exchange}' routes the key '${key}'`;
  const text = `the subscription '${subscription}' did not receive a message of the publication '${publication}'`;
  return new MqError('DEADLINE', text, {
    hint: `one message is left ${place}; its body begins with mq-bench`,
  });
}

/** Deletes own queues. They expire by themselves if the broker cannot be reached. */
export async function deleteQueues(session: Session, { ownQueues, vhost }: Load): Promise<void> {
  if (ownQueues.length === 0) return;
  const declarer = await session.declarer(vhost).catch(() => undefined);
  for (const queue of declarer ? ownQueues : []) await declarer?.deleteQueue(queue, {}).catch(() => undefined);
}
