// Connections, and what is on them: channels and consumers.

import type { Action, Call } from '../action.ts';
import { changeAction, taking } from '../change.ts';
import { listAction } from '../listing.ts';
import { showAction } from '../look.ts';

const reason = { options: ['reason'], headers: reasonOf } as const;

export const connectionActions: readonly Action[] = [
  listAction({
    noun: 'connections',
    summary: 'every connection: whose it is, its state and channels',
    path: '/connections',
    vhostPath: '/vhosts/:vhost/connections',
    columns: ['vhost', 'name', 'user_provided_name', 'user', 'state', 'channels', 'protocol', 'ssl'],
    isPaged: true,
  }),
  showAction({
    noun: 'connection',
    summary: 'everything about one connection',
    args: [{ name: 'connection' }],
    path: '/connections/:connection',
  }),
  changeAction({
    verb: 'close',
    noun: 'connection',
    summary: 'close a connection; its client may come back',
    args: [{ name: 'connection' }],
    request: 'DELETE /connections/:connection',
    question: taking(),
    ...reason,
  }),
  changeAction({
    verb: 'close',
    noun: 'user-connections',
    summary: 'close all connections of a user',
    args: [{ name: 'user' }],
    request: 'DELETE /connections/username/:user',
    question: taking(),
    ...reason,
  }),
  listAction({
    noun: 'channels',
    summary: 'every channel: consumers, what is unacknowledged, prefetch',
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
    summary: 'everything about one channel, by the name that the list has',
    args: [{ name: 'channel' }],
    path: '/channels/:channel',
  }),
  listAction({
    noun: 'consumers',
    summary: 'every consumer: its queue, tag, prefetch',
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
    summary: 'everything about the consumers of a tag',
    args: [{ name: 'tag' }],
    path: '/consumers/:vhost',
    isInVhost: true,
    pick: (item, arg) => item['consumer_tag'] === arg('tag'),
  }),
];

/** The client and the log are told why. */
function reasonOf(call: Call): Readonly<Record<string, string>> {
  const given = call.text('reason');
  if (given !== undefined && !/^[\x20-\x7e]+$/.test(given)) throw call.usage('--reason must be plain ASCII');
  return { 'x-reason': given ?? 'closed by mq admin' };
}
