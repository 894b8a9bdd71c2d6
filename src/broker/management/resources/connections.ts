// Lists and closes connections. A user without the role monitoring sees only the user's own connections.

import type { Connection } from '../../connection/connection.ts';
import { jsonTable } from '../json.ts';
import { connectionCounts, type Rates } from '../rates.ts';
import { notAuthorised, notFound } from '../refusal.ts';
import { type ApiResponse, type Call, hasRole, list, listOf, noContent, ok, type Route } from '../route.ts';
import { nodeName } from './node.ts';

export const connectionRoutes: readonly Route[] = [
  { method: 'GET', path: '/connections', handle: connections },
  { method: 'GET', path: '/vhosts/:vhost/connections', handle: connections },
  {
    method: 'GET',
    path: '/connections/:connection',
    handle: (call) => ok(connectionItem(connectionOf(call), call.rates)),
  },
  { method: 'DELETE', path: '/connections/:connection', handle: deleteConnection },
  { method: 'GET', path: '/connections/username/:user', handle: connectionsOfUser },
  { method: 'DELETE', path: '/connections/username/:user', handle: deleteConnectionsOfUser },
];

export function visibleConnections({ broker, user }: Pick<Call, 'broker' | 'user'>): Connection[] {
  const all = [...broker.connections];
  return hasRole(user, 'monitoring') ? all : all.filter((connection) => connection.user.name === user.name);
}

function connections(call: Call): Promise<ApiResponse> {
  const vhost = call.param('vhost');
  const all = visibleConnections(call).filter((connection) => vhost === '' || connection.vhost?.name === vhost);
  return listOf(all, (connection) => connectionItem(connection, call.rates));
}

function connectionItem(connection: Connection, rates: Rates): Record<string, unknown> {
  const { name, user, vhost, connectedAt, channels, limits, details } = connection;
  const properties = jsonTable(details.clientProperties);
  const givenName = properties['connection_name'];
  return {
    name,
    ...(typeof givenName === 'string' && { user_provided_name: givenName }),
    user: user.name,
    user_who_performed_action: user.name,
    vhost: vhost?.name ?? '',
    node: nodeName,
    type: 'network',
    protocol: 'AMQP 0-9-1',
    auth_mechanism: details.mechanism,
    state: details.state,
    channels: channels.size,
    channel_max: limits.channelMax,
    frame_max: limits.frameMax,
    timeout: limits.heartbeat,
    connected_at: connectedAt,
    host: details.localAddress,
    port: details.localPort,
    peer_host: details.remoteAddress,
    peer_port: details.remotePort,
    client_properties: properties,
    ...rates.details(connection, connectionCounts(connection)),
    recv_cnt: details.chunks,
    send_cnt: details.writes,
    send_pend: details.waitingBytes,
    ssl: details.isEncrypted,
  };
}

function connectionOf(call: Call): Connection {
  const connection = [...call.broker.connections].find(({ name }) => name === call.param('connection'));
  if (connection === undefined) throw notFound();
  const isOwn = connection.user.name === call.user.name;
  if (!isOwn && !hasRole(call.user, 'monitoring')) throw notAuthorised('User not authorised to access object');
  return connection;
}

function deleteConnection(call: Call): ApiResponse {
  const connection = connectionOf(call);
  assertMayClose(call, connection.user.name);
  connection.close(reasonOf(call));
  return noContent;
}

function connectionsOfUser(call: Call): ApiResponse {
  const name = call.param('user');
  return list(
    visibleConnections(call)
      .filter(({ user }) => user.name === name)
      .map((connection) => connectionItem(connection, call.rates)),
  );
}

function deleteConnectionsOfUser(call: Call): ApiResponse {
  const name = call.param('user');
  assertMayClose(call, name);
  for (const connection of call.broker.connections) {
    if (connection.user.name === name) connection.close(reasonOf(call));
  }
  return noContent;
}

function assertMayClose({ user }: Call, owner: string): void {
  if (user.name !== owner && !hasRole(user, 'administrator')) throw notAuthorised('Not administrator user');
}

/** Returns the reason for connection.close: the header X-Reason of the request, or RabbitMQ's default text. */
function reasonOf({ headers }: Call): string {
  const reason = headers['x-reason'];
  return typeof reason === 'string' && reason !== '' ? reason : 'Closed via management plugin';
}
