// Checks the queues of the user before a benchmark, and deletes its own queues after it.

import { MqError } from '../errors.ts';
import type { Destination, Session } from '../session/session.ts';
import type { Load } from './load.ts';

/** Throws IN_USE if a queue has messages, or consumers that would receive the messages of the benchmark. */
export async function refuseUsed(session: Session, vhost: string, queue: string): Promise<void> {
  const observer = await session.observer(vhost);
  const { ready = 0, consumers = 0 } = (await observer.depths([queue])).get(queue) ?? {};
  if (ready === 0 && consumers === 0) return;
  const found = ready > 0 ? `messages (${ready})` : `consumers (${consumers})`;
  throw new MqError('IN_USE', `the queue '${queue}' has ${found}, and the benchmark needs it alone`, {
    hint: 'without a name, mq bench uses a queue of its own',
  });
}

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
