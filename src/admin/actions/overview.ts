// Actions for an overview of the broker, and for the current user.

import type { Action } from '../action.ts';
import { valueAt } from '../columns.ts';
import { objectIn } from '../json.ts';
import { sendAction } from '../request.ts';

const shown = [
  'cluster_name',
  'product_name',
  'rabbitmq_version',
  'erlang_version',
  'node',
  'object_totals.connections',
  'object_totals.channels',
  'object_totals.consumers',
  'object_totals.exchanges',
  'object_totals.queues',
  'queue_totals.messages',
  'queue_totals.messages_ready',
  'queue_totals.messages_unacknowledged',
  'message_stats.publish_details.rate',
  'message_stats.confirm_details.rate',
  'message_stats.deliver_get_details.rate',
  'message_stats.ack_details.rate',
  'message_stats.redeliver_details.rate',
];

export const overviewActions: readonly Action[] = [
  {
    verb: 'overview',
    summary: 'print versions, counts, messages and rates; --json has more',
    request: 'GET /overview',
    run: async (call) => {
      const item = objectIn((await sendAction(call)).body);
      if (call.flag('json') || call.text('columns') !== undefined) return { kind: 'item', item };
      const present = shown
        .map((name) => [name, valueAt(item, name)] as const)
        .filter(([, value]) => value !== undefined);
      return { kind: 'item', item: Object.fromEntries(present) };
    },
  },
  {
    verb: 'whoami',
    summary: 'print the user of this login and its tags',
    request: 'GET /whoami',
    run: async (call) => ({ kind: 'item', item: objectIn((await sendAction(call)).body) }),
  },
];
