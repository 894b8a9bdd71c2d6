// A route of the HTTP API: method, path, required role and handler.

import type { IncomingHttpHeaders } from 'node:http';
import type { Broker } from '../server.ts';
import { inSlices } from '../slices.ts';
import type { User } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { JsonObject } from './json.ts';
import type { Rates } from './rates.ts';
import { notFound } from './refusal.ts';

/** https://www.rabbitmq.com/docs/management#permissions */
type Role = 'management' | 'policymaker' | 'monitoring' | 'administrator';

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** The path after `/api`. `:name` matches any one part. */
  readonly path: string;
  /** Defaults to management. */
  readonly role?: Role;
  readonly handle: (call: Call) => ApiResponse | Promise<ApiResponse>;
}

export interface Listener {
  readonly protocol: 'amqp' | 'amqp/ssl' | 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

/** One request. Its user has the role that the route requires. */
export interface Call {
  readonly broker: Broker;
  readonly user: User;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly rates: Rates;
  /** The id of this process. `undefined` in a test. */
  readonly pid: number | undefined;
  /** The folder of the store. `undefined` if everything is in memory. */
  readonly dataFolder: string | undefined;
  /** The ports of the broker and of this API. */
  readonly listeners: readonly Listener[];
  /** Empty for a request without a body. */
  readonly body: JsonObject;
  /** Returns the part of the path that `:name` matched, or an empty string. */
  param(name: string): string;
}

export interface ApiResponse {
  readonly status: number;
  readonly body?: unknown;
  /** True if the body is a list, which the query may sort, filter and page. */
  readonly isList?: boolean;
  /** The fields by which a list is sorted, after the field that the query names. */
  readonly order?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body: unknown): ApiResponse => ({ status: 200, body });
export const list = (body: readonly unknown[], order = ['vhost', 'name']): ApiResponse => ({
  status: 200,
  body,
  isList: true,
  order,
});
/** Returns a list that may be long. Builds its items in slices, one in each turn of the event loop. */
export async function listOf<T>(all: Iterable<T>, item: (each: T) => unknown, order?: string[]): Promise<ApiResponse> {
  return list(await inSlices(all, item), order);
}
export const created = (location?: string): ApiResponse => ({
  status: 201,
  ...(location !== undefined && { headers: { Location: location } }),
});
export const noContent: ApiResponse = { status: 204 };

/** Returns 201 for a new object, and 204 for an existing one. */
export const put = (isNew: boolean): ApiResponse => (isNew ? created() : noContent);

export function hasRole(user: User, role: Role): boolean {
  return user.tags.includes(role) || stronger[role].some((other) => user.tags.includes(other));
}

const stronger: Readonly<Record<Role, readonly Role[]>> = {
  management: ['policymaker', 'monitoring', 'administrator'],
  policymaker: ['administrator'],
  monitoring: ['administrator'],
  administrator: [],
};

/** Returns the virtual hosts that the user can see. */
export function visibleVhosts({ broker, user }: Pick<Call, 'broker' | 'user'>): VirtualHost[] {
  const all = [...broker.vhosts.values()];
  return hasRole(user, 'monitoring') ? all : all.filter(({ name }) => user.permissions.has(name));
}

/** Returns the virtual host of the path. Throws 404. */
export function vhostOf(call: Call): VirtualHost {
  const vhost = call.broker.vhosts.get(call.param('vhost'));
  if (vhost === undefined) throw notFound();
  return vhost;
}

/** Returns the virtual host of the path. Without one, returns all virtual hosts that the user can see. Throws 404. */
export function vhostsOf(call: Call): VirtualHost[] {
  return call.param('vhost') === '' ? visibleVhosts(call) : [vhostOf(call)];
}

/**
 * Throws 404 if the user has no permissions in the virtual host, as RabbitMQ 4.3 does. A user with the role monitoring can
 * read every virtual host.
 */
export function assertVhostAccess(
  { broker, user }: Pick<Call, 'broker' | 'user'>,
  name: string,
  isRead: boolean,
): void {
  if (!broker.vhosts.has(name)) throw isRead ? notFound() : notFound('not_found', 'vhost_not_found');
  if (user.permissions.has(name) || (isRead && hasRole(user, 'monitoring'))) return;
  throw notFound('not_found');
}
