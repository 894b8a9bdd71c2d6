// Actions for virtual hosts and their limits.

import { type Action, type Call, type Result, vhostOf } from '../action.ts';
import { changeAction, changeResult, deleteQuestion } from '../change-action.ts';
import type { ApiObject } from '../json.ts';
import { listAction } from '../list-action.ts';
import { pathOf, sendAction } from '../request.ts';
import { showAction } from '../show-action.ts';
import { metadataToKeep, setTracing } from '../tracing.ts';

const args = [{ name: 'vhost' }] as const;
const switchArgs = [{ name: 'state' }] as const;
const limitArgs = [{ name: 'limit' }] as const;

export const vhostActions: readonly Action[] = [
  listAction({
    noun: 'vhosts',
    summary: 'list virtual hosts',
    path: '/vhosts',
    columns: ['name', 'description', 'tags', 'default_queue_type', 'messages', 'cluster_state'],
    isGlobal: true,
  }),
  showAction({ noun: 'vhost', summary: 'show one virtual host', args, path: '/vhosts/:vhost' }),
  {
    verb: 'create',
    noun: 'vhost',
    summary: 'create a virtual host, or change an existing one',
    args,
    options: ['description', 'tag', 'default-queue-type'],
    request: 'PUT /vhosts/:vhost',
    run: createVhost,
  },
  changeAction({
    verb: 'delete',
    noun: 'vhost',
    summary: 'delete a virtual host with everything in it',
    args,
    request: 'DELETE /vhosts/:vhost',
    question: deleteQuestion('with all its queues, messages, exchanges, policies and permissions'),
  }),
  {
    verb: 'set',
    noun: 'tracing',
    summary: 'switch the firehose of a vhost on or off at one node',
    details:
      'The state is on or off. mq tap --firehose switches tracing on and off by itself; after kill -9 of it, tracing is still on.',
    args: switchArgs,
    isInVhost: true,
    request: 'PUT /vhosts/:vhost',
    run: switchTracing,
  },
  listAction({
    noun: 'vhost-limits',
    summary: 'list max-connections and max-queues of vhosts',
    path: '/vhost-limits',
    columns: ['vhost', 'value'],
  }),
  changeAction({
    verb: 'set',
    noun: 'vhost-limit',
    summary: 'set max-connections or max-queues of a vhost; -1 is no limit',
    args: [...limitArgs, { name: 'number' }],
    isInVhost: true,
    request: 'PUT /vhost-limits/:vhost/:limit',
    body: limitBody,
  }),
  changeAction({
    verb: 'delete',
    noun: 'vhost-limit',
    summary: 'delete a limit of a vhost',
    args: limitArgs,
    isInVhost: true,
    request: 'DELETE /vhost-limits/:vhost/:limit',
    question: deleteQuestion(),
  }),
];

/**
 * Creates or changes a vhost. PUT removes the values of an existing vhost that the request does not contain, so the
 * current values are read first.
 */
async function createVhost(call: Call): Promise<Result> {
  const path = pathOf(call);
  const { status, body } = await call.api.ask('GET', path);
  const given = metadataOf(call);
  if (status !== 200) {
    await sendAction(call, { body: given });
    return changeResult(call, 'created');
  }
  if (Object.keys(given).length === 0) return changeResult(call, 'unchanged');
  await sendAction(call, { body: { ...metadataToKeep(body), ...given } });
  return changeResult(call, 'updated');
}

async function switchTracing(call: Call): Promise<Result> {
  const state = call.arg('state');
  if (state !== 'on' && state !== 'off') throw call.usage(`the state must be on or off, not '${state}'`);
  await setTracing(call.api, vhostOf(call), state === 'on');
  return changeResult(call, 'set');
}

function metadataOf(call: Call): ApiObject {
  const [description, type] = [call.text('description'), call.text('default-queue-type')];
  const tags = call.list('tag');
  return {
    ...(description !== undefined && { description }),
    ...(tags.length > 0 && { tags: tags.join(',') }),
    ...(type !== undefined && { default_queue_type: type }),
  };
}

/** Returns `{"value": N}`, the limit of a vhost or a user. */
export function limitBody(call: Call): Readonly<Record<string, unknown>> {
  const typed = call.arg('number');
  if (!/^-?\d{1,15}$/.test(typed)) throw call.usage(`the number must be a whole number, not '${typed}'`);
  return { value: Number(typed) };
}
