// Lists, adds, protects and deletes virtual hosts.

import type { Broker } from '../../server.ts';
import type { VirtualHost } from '../../vhost/vhost.ts';
import { flagOf, objectField, tagsOf, textOf } from '../body.ts';
import { type JsonObject, shortString } from '../json.ts';
import { connectionCounts, queueCounts, totalOf } from '../rates.ts';
import { badRequest, Refusal } from '../refusal.ts';
import { type ApiResponse, type Call, list, noContent, ok, put, type Route, vhostOf, visibleVhosts } from '../route.ts';
import { nodeName } from './node.ts';

const protection = '/vhosts/:vhost/deletion/protection';

export const vhostRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/vhosts',
    handle: (call) => list(visibleVhosts(call).map((vhost) => vhostItem(vhost, call))),
  },
  { method: 'GET', path: '/vhosts/:vhost', handle: (call) => ok(vhostItem(vhostOf(call), call)) },
  { method: 'PUT', path: '/vhosts/:vhost', role: 'administrator', handle: putVhost },
  { method: 'DELETE', path: '/vhosts/:vhost', role: 'administrator', handle: deleteVhost },
  { method: 'POST', path: protection, role: 'administrator', handle: (call) => protect(call, true) },
  { method: 'DELETE', path: protection, role: 'administrator', handle: (call) => protect(call, false) },
];

function vhostItem(vhost: VirtualHost, { rates, broker }: Call): Record<string, unknown> {
  const { name } = vhost;
  const queues = [...vhost.queues.values()];
  const connections = [...broker.connections].filter((connection) => connection.vhost === vhost);
  return {
    name,
    ...metadataOf(vhost),
    metadata: metadataOf(vhost),
    tracing: false,
    cluster_state: { [nodeName]: 'running' },
    protected_from_deletion: vhost.metadata.isProtected,
    ...rates.details(queues, totalOf(queues.map(queueCounts))),
    ...rates.messageStats(vhost, { ...vhost.counters }),
    ...(connections.length > 0 && rates.details(connections, totalOf(connections.map(connectionCounts)))),
  };
}

export function metadataOf({ metadata }: VirtualHost): Record<string, unknown> {
  const { description, tags, defaultQueueType } = metadata;
  return { description, tags, default_queue_type: defaultQueueType };
}

/**
 * Adds or changes a virtual host. A missing field is reset to its default, as in RabbitMQ. Exported definitions may contain
 * the fields in `metadata`.
 */
export function putVhostOf(broker: Broker, name: string, body: JsonObject): void {
  const inner = objectField(body, 'metadata');
  const fields = { ...inner, ...body };
  if (flagOf(fields, 'tracing')) throw new Refusal(501, 'not_implemented', 'tracing: mq has no firehose');
  const defaultQueueType = textOf(fields, 'default_queue_type', 'classic');
  // RabbitMQ 4.0 exports the string `undefined` for a missing type.
  const type = ['', 'undefined'].includes(defaultQueueType) ? 'classic' : defaultQueueType;
  if (type !== 'classic' && type !== 'quorum' && type !== 'stream')
    throw badRequest(`${type} is not a valid queue type`);
  const vhost = broker.addVhost(shortString(name, 'the name of a virtual host'));
  vhost.setMetadata({
    description: textOf(fields, 'description', name === '/' ? 'Default virtual host' : ''),
    tags: tagsOf(fields['tags'] ?? []),
    defaultQueueType: type,
    limits: vhost.metadata.limits,
    isProtected: vhost.metadata.isProtected,
  });
}

async function putVhost({ broker, param, body }: Call): Promise<ApiResponse> {
  const name = param('vhost');
  await removalOf(broker, name);
  const isNew = !broker.vhosts.has(name);
  putVhostOf(broker, name, body);
  return put(isNew);
}

/** Waits for the end of a deletion, if a virtual host of this name is being deleted. */
export async function removalOf(broker: Broker, name: string): Promise<void> {
  if (!broker.vhosts.has(name)) await broker.removeVhost(name);
}

async function deleteVhost(call: Call): Promise<ApiResponse> {
  const { name, metadata } = vhostOf(call);
  if (metadata.isProtected) {
    const reason = `Refusing to delete virtual host '${name}' because it is protected from deletion`;
    throw new Refusal(412, 'precondition_failed', reason);
  }
  await call.broker.removeVhost(name);
  return noContent;
}

function protect(call: Call, isProtected: boolean): ApiResponse {
  const vhost = vhostOf(call);
  vhost.setMetadata({ ...vhost.metadata, isProtected });
  return noContent;
}
