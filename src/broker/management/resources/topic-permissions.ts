// Lists, grants and deletes permissions for the routing keys of topic exchanges.

import { loadPatterns } from '../../patterns.ts';
import type { User } from '../../vhost/users.ts';
import { assertKeys, nameOf, textOf } from '../body.ts';
import type { JsonObject } from '../json.ts';
import { badRequest, notFound } from '../refusal.ts';
import { type ApiResponse, type Call, list, noContent, put, type Route, vhostOf } from '../route.ts';
import { userOf } from './users.ts';

const role = 'administrator';
const one = '/topic-permissions/:vhost/:user';

export const topicPermissionRoutes: readonly Route[] = [
  { method: 'GET', path: '/topic-permissions', role, handle: (call) => shown(all(call)) },
  { method: 'GET', path: '/vhosts/:vhost/topic-permissions', role, handle: (call) => shown(inVhost(call, all(call))) },
  { method: 'GET', path: '/users/:user/topic-permissions', role, handle: (call) => shown(topicsOf(userOf(call))) },
  { method: 'GET', path: one, role, handle: (call) => shown(existing(call)) },
  { method: 'PUT', path: one, role, handle: putTopicPermission },
  { method: 'DELETE', path: one, role, handle: deleteTopicPermissions },
  { method: 'DELETE', path: `${one}/:exchange`, role, handle: deleteTopicPermissions },
];

type TopicPermission = ReturnType<typeof topicsOf>[number];

export function topicsOf({ name, topics }: User) {
  return [...topics].flatMap(([vhost, exchanges]) =>
    Array.from(exchanges, ([exchange, { patterns }]) => ({ user: name, vhost, exchange, ...patterns })),
  );
}

/** Grants a topic permission. Throws 400 if a pattern is invalid. */
export async function allowTopic(
  { broker }: Pick<Call, 'broker'>,
  { vhost, user }: { vhost: string; user: string },
  body: JsonObject,
): Promise<void> {
  assertKeys(body, ['exchange', 'write', 'read']);
  const patterns = { write: textOf(body, 'write'), read: textOf(body, 'read') };
  await loadPatterns(Object.values(patterns));
  try {
    broker.users.allowTopic(user, { vhost, exchange: nameOf(body, 'exchange') }, patterns);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(`invalid_regexp: ${error.message}`);
  }
}

const shown = (items: readonly TopicPermission[]): ApiResponse => list(items, ['vhost', 'user', 'exchange']);
const all = ({ broker }: Call): TopicPermission[] => [...broker.users.all.values()].flatMap(topicsOf);

function inVhost(call: Call, items: readonly TopicPermission[]): TopicPermission[] {
  const { name } = vhostOf(call);
  return items.filter(({ vhost }) => vhost === name);
}

/** Returns the topic permissions of the user in the virtual host, which the path names. Throws 404 for an empty list. */
function existing(call: Call): TopicPermission[] {
  const items = inVhost(call, topicsOf(userOf(call)));
  if (items.length === 0) throw notFound();
  return items;
}

async function putTopicPermission(call: Call): Promise<ApiResponse> {
  const [vhost, name] = [call.param('vhost'), call.param('user')];
  const user = call.broker.users.all.get(name);
  if (user === undefined || !call.broker.vhosts.has(vhost)) throw badRequest('vhost_or_user_not_found');
  const isNew = (user.topics.get(vhost)?.size ?? 0) === 0;
  await allowTopic(call, { vhost, user: name }, call.body);
  return put(isNew);
}

function deleteTopicPermissions(call: Call): ApiResponse {
  const exchange = call.param('exchange');
  for (const item of existing(call)) {
    if (exchange === '' || item.exchange === exchange) call.broker.users.forbidTopic(item.user, item);
  }
  return noContent;
}
