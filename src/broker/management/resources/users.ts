// Lists and changes users and their permissions. Only administrators may use these routes.

import { loadPatterns } from '../../patterns.ts';
import { type Password, passwordOfHash } from '../../vhost/password.ts';
import type { User } from '../../vhost/users.ts';
import { assertKeys, objectField, tagsOf, textOf } from '../body.ts';
import { type JsonObject, shortString } from '../json.ts';
import { badRequest, notFound, Refusal } from '../refusal.ts';
import { type ApiResponse, type Call, list, noContent, ok, put, type Route, vhostOf } from '../route.ts';

const role = 'administrator';

export const userRoutes: readonly Route[] = [
  { method: 'GET', path: '/users', role, handle: ({ broker }) => list([...broker.users.all.values()].map(userItem)) },
  { method: 'GET', path: '/users/without-permissions', role, handle: usersWithoutPermissions },
  { method: 'POST', path: '/users/bulk-delete', role, handle: deleteUsers },
  { method: 'GET', path: '/users/:user', role, handle: (call) => ok(userItem(userOf(call))) },
  { method: 'PUT', path: '/users/:user', role, handle: putUser },
  { method: 'DELETE', path: '/users/:user', role, handle: deleteUser },
  {
    method: 'GET',
    path: '/users/:user/permissions',
    role,
    handle: (call) => permissionList(permissionsOf(userOf(call))),
  },
  { method: 'GET', path: '/permissions', role, handle: permissions },
  { method: 'GET', path: '/vhosts/:vhost/permissions', role, handle: permissionsIn },
  { method: 'GET', path: '/permissions/:vhost/:user', role, handle: (call) => ok(permissionOf(call)) },
  { method: 'PUT', path: '/permissions/:vhost/:user', role, handle: putPermission },
  { method: 'DELETE', path: '/permissions/:vhost/:user', role, handle: deletePermission },
];

/** Returns the user with the hash of the password, which only administrators may see. */
export function userItem({ name, tags, password }: User): Record<string, unknown> {
  const hash = password === undefined ? [] : [password.salt, password.hash];
  return {
    name,
    password_hash: Buffer.concat(hash.map((part) => Buffer.from(part, 'base64'))).toString('base64'),
    hashing_algorithm: `rabbit_password_hashing_${password?.algorithm ?? 'sha256'}`,
    tags,
    limits: {},
  };
}

/** Adds or changes a user. A body without a password removes the user's password, as in RabbitMQ. Throws 400 or 501. */
export function putUserOf(users: Call['broker']['users'], name: string, body: JsonObject): void {
  if (body['tags'] === undefined) throw badRequest('tags_not_present');
  if (Object.keys(objectField(body, 'limits')).length > 0) {
    throw new Refusal(501, 'not_implemented', `mq has no user limits: ${name}`);
  }
  users.put({ name: shortString(name, 'the name of a user'), tags: tagsOf(body['tags']), password: passwordOf(body) });
}

/** Grants permissions. Throws 400 for an invalid pattern. */
export async function allow(
  call: Pick<Call, 'broker'>,
  { vhost, user }: { vhost: string; user: string },
  body: JsonObject,
): Promise<void> {
  assertKeys(body, ['configure', 'write', 'read']);
  const patterns = { configure: textOf(body, 'configure'), write: textOf(body, 'write'), read: textOf(body, 'read') };
  await loadPatterns(Object.values(patterns));
  try {
    call.broker.users.allow(user, vhost, patterns);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(`invalid_regexp: ${error.message}`);
  }
}

export function permissionsOf({ name, permissions: all }: User): Record<string, unknown>[] {
  return Array.from(all, ([vhost, { patterns }]) => ({ user: name, vhost, ...patterns }));
}

export function userOf({ broker, param }: Call): User {
  const user = broker.users.all.get(param('user'));
  if (user === undefined) throw notFound();
  return user;
}

function putUser({ broker, param, body }: Call): ApiResponse {
  const name = param('user');
  const isNew = !broker.users.all.has(name);
  putUserOf(broker.users, name, body);
  return put(isNew);
}

function usersWithoutPermissions({ broker }: Call): ApiResponse {
  const all = [...broker.users.all.values()];
  return list(all.filter(({ permissions: granted }) => granted.size === 0).map(userItem));
}

function deleteUser(call: Call): ApiResponse {
  remove(call, userOf(call).name);
  return noContent;
}

/** Deletes several users. Ignores an unknown name, as RabbitMQ does. */
function deleteUsers(call: Call): ApiResponse {
  assertKeys(call.body, ['users']);
  const names = call.body['users'];
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) throw badRequest('not_list: users');
  for (const name of names) remove(call, name);
  return noContent;
}

function remove({ broker }: Call, name: string): void {
  broker.users.remove(name);
  for (const connection of broker.connections) {
    if (connection.user.name === name) connection.close(`user '${name}' was deleted`);
  }
}

function passwordOf(body: JsonObject): string | Password | null {
  if (body['password'] !== undefined) return textOf(body, 'password');
  const encoded = textOf(body, 'password_hash');
  if (encoded === '') return null;
  const password = passwordOfHash(encoded, textOf(body, 'hashing_algorithm', 'rabbit_password_hashing_sha256'));
  if (typeof password === 'string') throw badRequest(password);
  return password;
}

const permissionList = (all: readonly unknown[]): ApiResponse => list(all, ['vhost', 'user']);

function permissions({ broker }: Call): ApiResponse {
  return permissionList([...broker.users.all.values()].flatMap(permissionsOf));
}

function permissionsIn(call: Call): ApiResponse {
  const { name } = vhostOf(call);
  const all = [...call.broker.users.all.values()].flatMap(permissionsOf);
  return permissionList(all.filter(({ vhost }) => vhost === name));
}

function permissionOf(call: Call): Record<string, unknown> {
  const { name } = vhostOf(call);
  const found = permissionsOf(userOf(call)).find(({ vhost }) => vhost === name);
  if (found === undefined) throw notFound();
  return found;
}

async function putPermission(call: Call): Promise<ApiResponse> {
  const [vhost, name] = [call.param('vhost'), call.param('user')];
  const user = call.broker.users.all.get(name);
  if (user === undefined || !call.broker.vhosts.has(vhost)) throw badRequest('vhost_or_user_not_found');
  const isNew = !user.permissions.has(vhost);
  await allow(call, { vhost, user: name }, call.body);
  return put(isNew);
}

function deletePermission(call: Call): ApiResponse {
  permissionOf(call);
  call.broker.users.forbid(call.param('user'), call.param('vhost'));
  return noContent;
}
