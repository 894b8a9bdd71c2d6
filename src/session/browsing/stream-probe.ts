// Finds out the type of a queue over AMQP, where queue.declare-ok does not contain it. Read permission is enough.

import type { Channel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { endChannel } from '../consuming/channel-end.ts';
import { promised } from '../promised.ts';

export type QueueType = 'classic' | 'quorum' | 'stream';

/**
 * Returns the type of the queue. RabbitMQ accepts the position of a stream only for a stream, and names the type in its
 * refusal before it delivers anything (rabbit_amqqueue:check_consume_arguments/3). From the position `next` a stream
 * delivers nothing that it has now. Rejects with the error of the broker if there is no such queue or no permission.
 */
export async function queueTypeOf(connection: BrokerConnection, vhost: string, queue: string): Promise<QueueType> {
  const channel = await connection.channel(vhost);
  channel.on('error', () => undefined);
  try {
    await connection.answered('the type of a queue', consumeAsStream(channel, queue));
    return 'stream';
  } catch (error) {
    const [, type] = refusal.exec(error instanceof Error ? error.message : '') ?? [];
    if (type === 'classic' || type === 'quorum') return type;
    throw error;
  } finally {
    endChannel(channel);
  }
}

const refusal = /invalid arg 'x-stream-offset' for queue .* of queue type rabbit_(classic|quorum)_queue/s;

async function consumeAsStream(channel: Channel, queue: string): Promise<void> {
  await promised((next) => channel.prefetch(1, false, next));
  await promised((next) => channel.consume(queue, () => undefined, { arguments: { 'x-stream-offset': 'next' } }, next));
}
