// Refuses a queue of the user in which the return of a message could make the broker drop it.

import type { RefuseReturns } from '../../../bench/consumers.ts';
import type { Config, ConnectionConfig } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import { countsReturns, DeliveryLimit } from '../../../roles/peek.ts';
import type { Session } from '../../../session/session.ts';
import type { Values } from '../../arguments/values.ts';
import { noteOf } from '../../error-text.ts';
import { brokerOf } from '../../input/broker.ts';
import { readLimit } from '../../messages/peek.ts';

interface Returns {
  readonly session: Session;
  readonly config: Config;
  readonly addresses: readonly ConnectionConfig[] | undefined;
}

/**
 * Throws TOPOLOGY if the queue is a quorum queue that permits too few failed deliveries. A message that mq bench has not
 * written is returned to its queue. RabbitMQ before 4.3 counts that as a failed delivery, and every version counts a lost
 * connection.
 */
export async function refuseReturns(
  context: Context,
  values: Values,
  { session, config, addresses }: Returns,
  { consumer, vhost }: Parameters<RefuseReturns>[0],
): Promise<void> {
  const { queue, declaredArguments: declared = {} } = consumer;
  const reader = await session.queueReader(vhost, queue);
  if ((declared['x-queue-type'] ?? (await reader.type())) !== 'quorum') return;
  const { server } = reader.facts;
  const broker = brokerOf(config, vhost, addresses);
  const note = noteOf(context, 'bench');
  const limit = await readLimit(context, values, { broker, queue, isNeeded: countsReturns(server), note });
  new DeliveryLimit(limit, { queue, server }).refuseBefore();
  const known = limit === 'unknown' ? declared['x-delivery-limit'] : limit;
  if (known === 0)
    throw new MqError('TOPOLOGY', `the queue '${queue}' drops a message after one failed delivery (limit 0)`, {
      hint: 'if mq bench lost its connection, messages of others would be lost; without a name, it uses a queue of its own',
    });
}
