// Lists channels.

import type { Channel } from '../../connection/channel.ts';
import type { Rates } from '../rates.ts';
import { notFound } from '../refusal.ts';
import { type ApiResponse, type Call, listOf, ok, type Route } from '../route.ts';
import { visibleConnections } from './connections.ts';
import { consumerItem } from './consumers.ts';
import { nodeName } from './node.ts';

export const channelRoutes: readonly Route[] = [
  { method: 'GET', path: '/channels', handle: channels },
  { method: 'GET', path: '/vhosts/:vhost/channels', handle: channels },
  { method: 'GET', path: '/connections/:connection/channels', handle: channels },
  { method: 'GET', path: '/channels/:channel', handle: channelOf },
];

function channels(call: Call): Promise<ApiResponse> {
  const [vhost, name] = [call.param('vhost'), call.param('connection')];
  const found = visibleConnections(call).filter((connection) => name === '' || connection.name === name);
  if (name !== '' && found.length === 0) throw notFound();
  const all = found.filter((connection) => vhost === '' || connection.vhost?.name === vhost);
  const each = all.flatMap((connection) => [...connection.channels.values()]);
  return listOf(each, (channel) => channelItem(channel, call.rates));
}

function channelOf(call: Call): ApiResponse {
  const all = visibleConnections(call).flatMap((connection) => [...connection.channels.values()]);
  const channel = all.find((each) => nameOf(each) === call.param('channel'));
  if (channel === undefined) throw notFound();
  return ok({
    ...channelItem(channel, call.rates),
    consumer_details: [...channel.deliveries.consumers.values()].map(consumerItem),
    publishes: [],
    deliveries: [],
  });
}

const nameOf = ({ connection, number }: Channel) => `${connection.name} (${number})`;

function channelItem(channel: Channel, rates: Rates): Record<string, unknown> {
  const { connection, number, deliveries, publisher, transaction, vhost } = channel;
  return {
    name: nameOf(channel),
    number,
    user: connection.user.name,
    user_who_performed_action: connection.user.name,
    vhost: vhost.name,
    node: nodeName,
    state: channel.isClosing ? 'closing' : 'running',
    confirm: publisher.isConfirming,
    transactional: transaction !== undefined,
    consumer_count: deliveries.consumers.size,
    prefetch_count: deliveries.consumerPrefetch,
    messages_unacknowledged: deliveries.unacked.size,
    messages_unconfirmed: publisher.unconfirmed,
    messages_uncommitted: transaction?.uncommitted.messages ?? 0,
    acks_uncommitted: transaction?.uncommitted.acks ?? 0,
    ...rates.messageStats(channel, { ...channel.counters }),
    ...rates.idleSince(channel),
    connection_details: {
      name: connection.name,
      peer_host: connection.details.remoteAddress,
      peer_port: connection.details.remotePort,
    },
  };
}
