// Actions for connections, channels and consumers.

import type { Action, Call } from '../action.ts';
import { changeAction, deleteQuestion } from '../change-action.ts';
import { listAction } from '../list-action.ts';
import { showAction } from '../show-action.ts';

const reason = { options: ['reason'], headers: reasonOf } as const;

export const connectionActions: readonly Action[] = [
  listAction({
    noun: 'connections',
    summary: 'list connections: user, state, channels',
    path: '/connections',
    vhostPath: '/vhosts/:vhost/connections',
    columns: ['vhost', 'name', 'user_provided_name', 'user', 'state', 'channels', 'protocol', 'ssl'],
    isPaged: true,
  }),
  showAction({
    noun: 'connection',
    summary: 'show one connection',
    args: [{ name: 'connection' }],
    path: '/connections/:connection',
  }),
  changeAction({
    verb: 'close',
    noun: 'connection',
    summary: 'close a connection; the client may reconnect',
    args: [{ name: 'connection' }],
    request: 'DELETE /connections/:connection',
    question: deleteQuestion(),
    ...reason,
  }),
  changeAction({
    verb: 'close',
    noun: 'user-connections',
    summary: 'close all connections of a user',
    args: [{ name: 'user' }],
    request: 'DELETE /connections/username/:user',
    question: deleteQuestion(),
    ...reason,
  }),
  listAction({
    noun: 'channels',
    summary: 'list channels: consumers, unacknowledged messages, prefetch',
    path: '/channels',
    vhostPath: '/vhosts/:vhost/channels',
    columns: [
      'vhost',
      'name',
      'user',
      'consumer_count',
      'messages_unacknowledged',
      'prefetch_count',
      'confirm',
      'state',
    ],
    isPaged: true,
  }),
  showAction({
    noun: 'channel',
    summary: 'show one channel, by its name in the list',
    args: [{ name: 'channel' }],
    path: '/channels/:channel',
  }),
  listAction({
    noun: 'consumers',
    summary: 'list consumers: queue, tag, prefetch',
    path: '/consumers',
    vhostPath: '/consumers/:vhost',
    columns: [
      'queue.vhost',
      'queue.name',
      'consumer_tag',
      'channel_details.name',
      'ack_required',
      'prefetch_count',
      'exclusive',
      'active',
    ],
  }),
  showAction({
    noun: 'consumer',
    summary: 'show the consumers with this tag',
    args: [{ name: 'tag' }],
    path: '/consumers/:vhost',
    isInVhost: true,
    pick: (item, arg) => item['consumer_tag'] === arg('tag'),
  }),
];

/** Returns the X-Reason header. RabbitMQ sends its text to the client and writes it to its log. */
function reasonOf(call: Call): Readonly<Record<string, string>> {
  const given = call.text('reason');
  if (given !== undefined && !/^[\x20-\x7e]+$/.test(given)) throw call.usage('--reason must be plain ASCII');
  return { 'x-reason': given ?? 'closed by mq admin' };
}
