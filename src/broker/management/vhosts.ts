// Virtual hosts.

import type { VirtualHost } from '../vhost.ts';
import { shortString } from './json.ts';
import { nodeName } from './node.ts';
import { connectionCounts, queueCounts, totalOf } from './rates.ts';
import { type Answer, type Call, list, noContent, ok, put, type Route, vhostOf, visibleVhosts } from './route.ts';

export const vhostRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/vhosts',
    handle: (call) => list(visibleVhosts(call).map((vhost) => vhostItem(vhost, call))),
  },
  { method: 'GET', path: '/vhosts/:vhost', handle: (call) => ok(vhostItem(vhostOf(call), call)) },
  { method: 'PUT', path: '/vhosts/:vhost', role: 'administrator', handle: putVhost },
  { method: 'DELETE', path: '/vhosts/:vhost', role: 'administrator', handle: deleteVhost },
];

function vhostItem(vhost: VirtualHost, { rates, broker }: Call): Record<string, unknown> {
  const { name } = vhost;
  const queues = [...vhost.queues.values()];
  const connections = [...broker.connections].filter((connection) => connection.vhost === vhost);
  return {
    name,
    description: name === '/' ? 'Default virtual host' : '',
    tags: [],
    default_queue_type: 'classic',
    metadata: { description: name === '/' ? 'Default virtual host' : '', tags: [] },
    tracing: false,
    cluster_state: { [nodeName]: 'running' },
    protected_from_deletion: false,
    ...rates.details(queues, totalOf(queues.map(queueCounts))),
    ...rates.messageStats(vhost, { ...vhost.counters }),
    ...(connections.length > 0 && rates.details(connections, totalOf(connections.map(connectionCounts)))),
  };
}

function putVhost({ broker, param }: Call): Answer {
  const name = shortString(param('vhost'), 'the name of a virtual host');
  const isNew = !broker.vhosts.has(name);
  broker.addVhost(name);
  return put(isNew);
}

function deleteVhost(call: Call): Answer {
  call.broker.removeVhost(vhostOf(call).name);
  return noContent;
}
