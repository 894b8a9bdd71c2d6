// One row of the HTTP API: a method, a path, who may, and who answers.

import type { IncomingHttpHeaders } from 'node:http';
import type { Broker } from '../server.ts';
import { inSlices } from '../slices.ts';
import type { User } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { Rates } from './rates.ts';
import { notFound } from './refusal.ts';

/** https://www.rabbitmq.com/docs/management#permissions: each may what the ones before it may. */
export type Role = 'management' | 'policymaker' | 'monitoring' | 'administrator';

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** After `/api`; `:name` stands for any one part. */
  readonly path: string;
  /** Default: management. */
  readonly role?: Role;
  readonly handle: (call: Call) => Answer | Promise<Answer>;
}

export interface Listener {
  readonly protocol: 'amqp' | 'amqp/ssl' | 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

/** One request, by a user who may make it. */
export interface Call {
  readonly broker: Broker;
  readonly user: User;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly rates: Rates;
  /** Of this process; undefined in a test. */
  readonly pid: number | undefined;
  /** Where the store is; undefined if everything is in memory. */
  readonly dataFolder: string | undefined;
  /** The ports of the broker and of this API. */
  readonly listeners: readonly Listener[];
  /** Of a request without a body: empty. */
  readonly body: Readonly<Record<string, unknown>>;
  /** A part of the path, by its name in the pattern. */
  param(name: string): string;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  /** The body is a list that the query may sort, filter and cut. */
  readonly isList?: boolean;
  /** The fields that a list is ordered by, after the field of the query. */
  readonly order?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const list = (body: readonly unknown[], order = ['vhost', 'name']): Answer => ({
  status: 200,
  body,
  isList: true,
  order,
});
/** A list that may be long: `item` is called for a slice of it in each turn. */
export async function listOf<T>(all: Iterable<T>, item: (each: T) => unknown, order?: string[]): Promise<Answer> {
  return list(await inSlices(all, item), order);
}
export const created = (location?: string): Answer => ({
  status: 201,
  ...(location !== undefined && { headers: { Location: location } }),
});
export const noContent: Answer = { status: 204 };

/** Created, or there already. */
export const put = (isNew: boolean): Answer => (isNew ? created() : noContent);

export function hasRole(user: User, role: Role): boolean {
  return user.tags.includes(role) || stronger[role].some((other) => user.tags.includes(other));
}

const stronger: Readonly<Record<Role, readonly Role[]>> = {
  management: ['policymaker', 'monitoring', 'administrator'],
  policymaker: ['administrator'],
  monitoring: ['administrator'],
  administrator: [],
};

/** The virtual hosts that the user may look into. */
export function visibleVhosts({ broker, user }: Pick<Call, 'broker' | 'user'>): VirtualHost[] {
  const all = [...broker.vhosts.values()];
  return hasRole(user, 'monitoring') ? all : all.filter(({ name }) => user.permissions.has(name));
}

/** The virtual host of the path. */
export function vhostOf(call: Call): VirtualHost {
  const vhost = call.broker.vhosts.get(call.param('vhost'));
  if (vhost === undefined) throw notFound();
  return vhost;
}

/** That of the path where it names one, else all that the user may see. */
export function vhostsOf(call: Call): VirtualHost[] {
  return call.param('vhost') === '' ? visibleVhosts(call) : [vhostOf(call)];
}

/** Looking needs less than doing. RabbitMQ 4.3: where a user may not be, there is nothing; throws 404. */
export function assertVhostAccess(
  { broker, user }: Pick<Call, 'broker' | 'user'>,
  name: string,
  isLook: boolean,
): void {
  if (!broker.vhosts.has(name)) throw isLook ? notFound() : notFound('not_found', 'vhost_not_found');
  if (user.permissions.has(name) || (isLook && hasRole(user, 'monitoring'))) return;
  throw notFound('not_found');
}
