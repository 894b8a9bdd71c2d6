// Lists, declares and deletes exchanges.

import { ProtocolError } from '../../protocol-error.ts';
import type { Exchange } from '../../routing/exchange.ts';
import { assertAccess, type User } from '../../vhost/users.ts';
import type { VirtualHost } from '../../vhost/vhost.ts';
import { argumentsOf, flagOf, textOf } from '../body.ts';
import { type JsonObject, jsonTable, shortString } from '../json.ts';
import type { Rates } from '../rates.ts';
import { notFound } from '../refusal.ts';
import { type ApiResponse, type Call, listOf, noContent, ok, put, type Route, vhostOf, vhostsOf } from '../route.ts';

export const exchangeRoutes: readonly Route[] = [
  { method: 'GET', path: '/exchanges', handle: exchanges },
  { method: 'GET', path: '/exchanges/:vhost', handle: exchanges },
  { method: 'GET', path: '/exchanges/:vhost/:exchange', handle: exchange },
  { method: 'PUT', path: '/exchanges/:vhost/:exchange', handle: putExchange },
  { method: 'DELETE', path: '/exchanges/:vhost/:exchange', handle: deleteExchange },
];

/** Returns the name of the exchange. RabbitMQ uses `amq.default` for the default exchange in paths. */
export const exchangeName = (part: string): string => (part === 'amq.default' ? '' : part);

/** Returns the exchange of the path. Throws 404. */
export function exchangeOf(call: Call): Exchange {
  const exchange = vhostOf(call).exchanges.get(exchangeName(call.param('exchange')));
  if (exchange === undefined) throw notFound();
  return exchange;
}

/** Declares an exchange. Throws 403 if the user does not have the permissions. */
export function declareExchange(
  { vhost, user }: { vhost: VirtualHost; user: User },
  name: string,
  body: JsonObject,
): void {
  assertNotDefault(name);
  assertAccess(user, 'configure', { vhost: vhost.name, kind: 'exchange', name });
  const all = argumentsOf(body);
  const alternate = all.get('alternate-exchange');
  if (typeof alternate === 'string' && !vhost.exchanges.has(name)) {
    assertAccess(user, 'read', { vhost: vhost.name, kind: 'exchange', name });
    assertAccess(user, 'write', { vhost: vhost.name, kind: 'exchange', name: alternate });
  }
  vhost.declareExchange({
    exchange: shortString(name, 'the name of an exchange'),
    type: textOf(body, 'type', 'direct'),
    durable: flagOf(body, 'durable'),
    autoDelete: flagOf(body, 'auto_delete'),
    internal: flagOf(body, 'internal'),
    arguments: all,
  });
}

export function assertNotDefault(exchange: string): void {
  if (exchange === '') throw new ProtocolError('ACCESS_REFUSED', 'operation not permitted on the default exchange');
}

function exchanges(call: Call): Promise<ApiResponse> {
  const all = vhostsOf(call).flatMap((vhost) => [...vhost.exchanges.values()]);
  return listOf(all, (exchange) => exchangeItem(exchange, call.rates));
}

function exchangeItem(exchange: Exchange, rates: Rates): Record<string, unknown> {
  const { name, vhost, type, counters } = exchange;
  return {
    name,
    vhost,
    type,
    durable: exchange.isDurable,
    auto_delete: exchange.isAutoDelete,
    internal: exchange.isInternal,
    arguments: jsonTable(exchange.arguments.values),
    ...(exchange.policy.policy !== null && { policy: exchange.policy.policy }),
    ...rates.messageStats(exchange, counters),
  };
}

function exchange(call: Call): ApiResponse {
  return ok({ ...exchangeItem(exchangeOf(call), call.rates), incoming: [], outgoing: [] });
}

function putExchange(call: Call): ApiResponse {
  const vhost = vhostOf(call);
  const name = exchangeName(call.param('exchange'));
  const isNew = !vhost.exchanges.has(name);
  declareExchange({ vhost, user: call.user }, name, call.body);
  return put(isNew);
}

async function deleteExchange(call: Call): Promise<ApiResponse> {
  const { name, what } = exchangeOf(call);
  const vhost = vhostOf(call);
  assertNotDefault(name);
  if (name.startsWith('amq.')) throw new ProtocolError('ACCESS_REFUSED', `deletion of system ${what} not allowed`);
  assertAccess(call.user, 'configure', { vhost: vhost.name, kind: 'exchange', name });
  const ifUnused = call.query.get('if-unused') === 'true';
  await new Promise<void>((done) => vhost.deleteExchange(name, { ifUnused, done }));
  return noContent;
}
