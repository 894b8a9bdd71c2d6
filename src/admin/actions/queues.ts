// Queues.

import type { Action } from '../action.ts';
import { listAction } from '../listing.ts';

export const queueActions: readonly Action[] = [
  listAction({
    noun: 'queues',
    summary: 'every queue: its type, messages, consumers and state',
    path: '/queues',
    vhostPath: '/queues/:vhost',
    columns: ['vhost', 'name', 'type', 'messages_ready', 'messages_unacknowledged', 'consumers', 'state'],
    isPaged: true,
  }),
];
