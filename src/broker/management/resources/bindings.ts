// Lists, adds and deletes bindings.

import { createHash } from 'node:crypto';
import { Arguments } from '../../codec/arguments.ts';
import { Queue } from '../../queue/queue.ts';
import type { Binding } from '../../routing/exchange.ts';
import type { BindingDeclaration } from '../../vhost/declarations.ts';
import { assertTopicAccess } from '../../vhost/topic-access.ts';
import { assertAccess, type User } from '../../vhost/users.ts';
import type { VirtualHost } from '../../vhost/vhost.ts';
import { argumentsOf, nameOf } from '../body.ts';
import { jsonTable } from '../json.ts';
import { notFound } from '../refusal.ts';
import {
  type ApiResponse,
  type Call,
  created,
  listOf,
  noContent,
  ok,
  type Route,
  vhostOf,
  vhostsOf,
} from '../route.ts';
import { assertNotDefault, exchangeName, exchangeOf } from './exchanges.ts';
import { queueOf } from './queues.ts';

const between = '/bindings/:vhost/e/:source/:kind/:destination';

export const bindingRoutes: readonly Route[] = [
  { method: 'GET', path: '/bindings', handle: bindings },
  { method: 'GET', path: '/bindings/:vhost', handle: bindings },
  { method: 'GET', path: between, handle: (call) => bindingList(bindingsBetween(call)) },
  { method: 'POST', path: between, handle: postBinding },
  { method: 'GET', path: `${between}/:properties`, handle: (call) => ok(bindingItem(bindingOf(call))) },
  { method: 'DELETE', path: `${between}/:properties`, handle: deleteBinding },
  { method: 'GET', path: '/queues/:vhost/:queue/bindings', handle: bindingsOfQueue },
  { method: 'GET', path: '/exchanges/:vhost/:exchange/bindings/source', handle: bindingsFrom },
  { method: 'GET', path: '/exchanges/:vhost/:exchange/bindings/destination', handle: bindingsTo },
];

type ListedBinding = Omit<Binding, 'source'> & { readonly source: string };

/** Returns all bindings, including those of the default exchange to every queue (AMQP 0-9-1, 3.1.3.1). */
export function allBindings(vhost: VirtualHost): ListedBinding[] {
  const implicit = [...vhost.queues.values()].map((queue) => ({
    source: '',
    destination: queue,
    routingKey: queue.name,
    arguments: Arguments.none,
  }));
  const declared = [...vhost.exchanges.values()].flatMap(({ bindings: all }) => [...all.values()]);
  return [...implicit, ...declared.map((binding) => ({ ...binding, source: binding.source.name }))];
}

/** Returns the fields that identify a binding. */
export function bindingParts({ source, destination, routingKey, arguments: all }: ListedBinding) {
  return {
    source,
    vhost: destination.vhost,
    destination: destination.name,
    destination_type: destination instanceof Queue ? 'queue' : 'exchange',
    routing_key: routingKey,
    arguments: jsonTable(all.values),
  };
}

/** Adds a binding. Throws 403 if the user does not have the permissions. */
export function bind({ vhost, user }: { vhost: VirtualHost; user: User }, wanted: BindingDeclaration): void {
  assertMayBind({ vhost, user }, wanted);
  if (wanted.isQueue && vhost.queues.has(wanted.destination)) vhost.queue(wanted.destination, undefined);
  vhost.bind(wanted);
}

function assertMayBind(
  { vhost, user }: { vhost: VirtualHost; user: User },
  { source, destination, isQueue, routingKey }: Omit<BindingDeclaration, 'arguments'>,
): void {
  assertNotDefault(source);
  if (!isQueue) assertNotDefault(destination);
  assertAccess(user, 'write', { vhost: vhost.name, kind: isQueue ? 'queue' : 'exchange', name: destination });
  assertAccess(user, 'read', { vhost: vhost.name, kind: 'exchange', name: source });
  assertTopicAccess(user, 'read', { exchange: vhost.exchanges.get(source), routingKey });
}

function bindingItem(binding: ListedBinding): Record<string, unknown> {
  return { ...bindingParts(binding), properties_key: propertiesKey(binding) };
}

/** Returns RabbitMQ's key of a binding: the encoded routing key, and a hash of the arguments if the binding has any. */
function propertiesKey({ routingKey, arguments: all }: Pick<ListedBinding, 'routingKey' | 'arguments'>): string {
  const key = encodeURIComponent(routingKey)
    .replaceAll('%20', '+')
    .replaceAll(/[!'()*~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  if (Object.keys(all.values).length === 0) return key === '' ? '~' : key;
  return `${key}~${createHash('sha256').update(all.raw).digest('base64url').slice(0, 22)}`;
}

const order = ['vhost', 'source', 'destination_type', 'destination', 'routing_key', 'properties_key'];

function bindingList(all: readonly ListedBinding[]): Promise<ApiResponse> {
  return listOf(all, bindingItem, order);
}

function bindings(call: Call): Promise<ApiResponse> {
  return bindingList(vhostsOf(call).flatMap(allBindings));
}

function bindingPathOf(call: Call): { source: string; destination: string; isQueue: boolean } {
  const kind = call.param('kind');
  if (kind !== 'q' && kind !== 'e') throw notFound();
  const isQueue = kind === 'q';
  const destination = isQueue ? call.param('destination') : exchangeName(call.param('destination'));
  return { source: exchangeName(call.param('source')), destination, isQueue };
}

function bindingsBetween(call: Call): ListedBinding[] {
  const { source, destination, isQueue } = bindingPathOf(call);
  return allBindings(vhostOf(call)).filter(
    (binding) =>
      binding.source === source &&
      binding.destination.name === destination &&
      binding.destination instanceof Queue === isQueue,
  );
}

function bindingOf(call: Call): ListedBinding {
  const found = bindingsBetween(call).find((binding) => propertiesKey(binding) === call.param('properties'));
  if (found === undefined) throw notFound();
  return found;
}

function postBinding(call: Call): ApiResponse {
  const properties = { routingKey: nameOf(call.body, 'routing_key'), arguments: argumentsOf(call.body) };
  bind({ vhost: vhostOf(call), user: call.user }, { ...bindingPathOf(call), ...properties });
  const location = [call.param('destination'), propertiesKey(properties)];
  return created(location.map(encodeURIComponent).join('/'));
}

function deleteBinding(call: Call): ApiResponse {
  const vhost = vhostOf(call);
  const path = bindingPathOf(call);
  const { routingKey, arguments: all } = bindingOf(call);
  assertMayBind({ vhost, user: call.user }, { ...path, routingKey });
  if (path.isQueue) vhost.queue(path.destination, undefined);
  vhost.unbind({ ...path, routingKey, arguments: all }, undefined);
  return noContent;
}

function bindingsOfQueue(call: Call): Promise<ApiResponse> {
  const queue = queueOf(call);
  const all = allBindings(vhostOf(call));
  return bindingList(all.filter(({ destination }) => destination === queue));
}

function bindingsFrom(call: Call): Promise<ApiResponse> {
  const { name } = exchangeOf(call);
  const all = allBindings(vhostOf(call));
  return bindingList(all.filter(({ source }) => source === name));
}

function bindingsTo(call: Call): Promise<ApiResponse> {
  const exchange = exchangeOf(call);
  const all = allBindings(vhostOf(call));
  return bindingList(all.filter(({ destination }) => destination === exchange));
}
