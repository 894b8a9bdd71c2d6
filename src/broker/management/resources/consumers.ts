// Lists the consumers of queues.

import { ChannelConsumer } from '../../connection/consumer.ts';
import { jsonTable } from '../json.ts';
import { type ApiResponse, type Call, listOf, type Route, vhostsOf } from '../route.ts';
import { nodeName } from './node.ts';

export const consumerRoutes: readonly Route[] = [
  { method: 'GET', path: '/consumers', handle: consumers },
  { method: 'GET', path: '/consumers/:vhost', handle: consumers },
];

export function consumerItem(consumer: ChannelConsumer): Record<string, unknown> {
  const { queue, tag } = consumer;
  const { channel } = consumer.owner;
  const { connection } = channel;
  const { active } = queue.consumers;
  const isActive = active === undefined || active === consumer;
  return {
    consumer_tag: tag,
    queue: { name: queue.name, vhost: queue.vhost },
    ack_required: !consumer.noAck,
    active: isActive,
    activity_status: active === undefined ? 'up' : isActive ? 'single_active' : 'waiting',
    exclusive: consumer.exclusive,
    prefetch_count: consumer.prefetch,
    arguments: jsonTable(consumer.arguments.values),
    channel_details: {
      name: `${connection.name} (${channel.number})`,
      number: channel.number,
      connection_name: connection.name,
      node: nodeName,
      user: connection.user.name,
      peer_host: connection.details.remoteAddress,
      peer_port: connection.details.remotePort,
    },
  };
}

function consumers(call: Call): Promise<ApiResponse> {
  const queues = vhostsOf(call).flatMap((vhost) => [...vhost.queues.values()]);
  const all = queues.flatMap((queue) => [...queue.consumers.all]);
  return listOf(
    all.filter((consumer) => consumer instanceof ChannelConsumer),
    consumerItem,
  );
}
