// Virtual hosts.

import type { VirtualHost } from '../vhost.ts';
import { shortString } from './json.ts';
import { nodeName } from './overview.ts';
import { type Answer, type Call, list, noContent, ok, put, type Route, vhostOf, visibleVhosts } from './route.ts';

export const vhostRoutes: readonly Route[] = [
  { method: 'GET', path: '/vhosts', handle: (call) => list(visibleVhosts(call).map(vhostItem)) },
  { method: 'GET', path: '/vhosts/:vhost', handle: (call) => ok(vhostItem(vhostOf(call))) },
  { method: 'PUT', path: '/vhosts/:vhost', role: 'administrator', handle: putVhost },
  { method: 'DELETE', path: '/vhosts/:vhost', role: 'administrator', handle: deleteVhost },
];

function vhostItem({ name, queues }: VirtualHost): Record<string, unknown> {
  let [ready, unacknowledged] = [0, 0];
  for (const queue of queues.values()) {
    ready += queue.ready.length;
    unacknowledged += queue.unackedCount;
  }
  return {
    name,
    description: name === '/' ? 'Default virtual host' : '',
    tags: [],
    default_queue_type: 'classic',
    metadata: { description: name === '/' ? 'Default virtual host' : '', tags: [] },
    tracing: false,
    cluster_state: { [nodeName]: 'running' },
    protected_from_deletion: false,
    messages: ready + unacknowledged,
    messages_ready: ready,
    messages_unacknowledged: unacknowledged,
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
