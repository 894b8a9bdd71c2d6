// Actions for queues.

import { type Action, type Call, vhostOf } from '../action.ts';
import { argumentsOf } from '../arguments.ts';
import { changeAction } from '../change-action.ts';
import { withCounts, withExactCounts, withoutStatistics } from '../depths.ts';
import { type ApiObject, objectIn } from '../json.ts';
import { listAction } from '../list-action.ts';
import { apiPath, query } from '../path.ts';
import { sendAction } from '../request.ts';
import { showAction } from '../show-action.ts';
import { refuseMirroredQueue } from './mirroring.ts';

const args = [{ name: 'queue' }] as const;
const path = '/queues/:vhost/:queue';

export const queueActions: readonly Action[] = [
  listAction({
    noun: 'queues',
    summary: 'list queues: type, messages, consumers, state',
    path: '/queues',
    vhostPath: '/queues/:vhost',
    columns: ['vhost', 'name', 'type', 'messages', 'messages_ready', 'messages_unacknowledged', 'consumers', 'state'],
    isPaged: true,
    isCounted: true,
  }),
  showAction({
    noun: 'queue',
    summary: 'show one queue',
    args,
    path,
    isInVhost: true,
    now: async (call, item) => {
      const counted = await countedQueue(call);
      const [now] = await withExactCounts(call, withCounts([item], counted), counted);
      return now ?? item;
    },
  }),
  changeAction({
    verb: 'create',
    noun: 'queue',
    summary: 'create a durable queue',
    details: 'The queue has the default type of its vhost unless --type is set.',
    args,
    options: ['type', 'durable', 'auto-delete', 'argument'],
    isInVhost: true,
    request: `PUT ${path}`,
    body: queueBody,
  }),
  changeAction({
    verb: 'delete',
    noun: 'queue',
    summary: 'delete a queue with its messages',
    args,
    options: ['if-empty', 'if-unused'],
    isInVhost: true,
    request: `DELETE ${path}`,
    query: (call) => ({ 'if-empty': call.flag('if-empty'), 'if-unused': call.flag('if-unused') }),
    question: async (call) => {
      const messages = await messagesOf(call);
      return `delete queue '${call.arg('queue')}' in vhost ${vhostOf(call)} with its ${messages}?`;
    },
  }),
  changeAction({
    verb: 'purge',
    noun: 'queue',
    summary: 'delete all ready messages of a queue',
    args,
    isInVhost: true,
    request: `DELETE ${path}/contents`,
    question: async (call) =>
      `delete the ${await messagesOf(call)} of queue '${call.arg('queue')}' in vhost ${vhostOf(call)} permanently?`,
  }),
];

function queueBody(call: Call): ApiObject {
  const type = call.text('type');
  const given = argumentsOf(call);
  refuseMirroredQueue(call.arg('queue'), given);
  return {
    durable: call.flag('durable') ?? true,
    auto_delete: call.flag('auto-delete') ?? false,
    arguments: { ...given, ...(type !== undefined && { 'x-queue-type': type }) },
  };
}

/** Returns the queue without statistics, as a list of one. Throws BAD_DATA if the queue does not exist. */
async function countedQueue(call: Call): Promise<readonly ApiObject[]> {
  const path = apiPath`/queues/${vhostOf(call)}/${call.arg('queue')}` + query(withoutStatistics);
  return [objectIn((await sendAction(call, { method: 'GET', path })).body)];
}

/**
 * Returns `5 messages`, or `messages` if the broker does not count them. Throws BAD_DATA if the queue does not exist
 * and --if-exists is not given.
 */
async function messagesOf(call: Call): Promise<string> {
  const path = apiPath`/queues/${vhostOf(call)}/${call.arg('queue')}`;
  if (call.flag('if-exists') && (await call.api.ask('GET', path)).status === 404) return 'messages';
  const [queue] = await withExactCounts(call, await countedQueue(call));
  const messages = queue?.['messages'];
  if (typeof messages !== 'number') return 'messages';
  return messages === 1 ? '1 message' : `${messages} messages`;
}
