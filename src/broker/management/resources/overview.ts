// Reports the overview, the node, the cluster name and the user of the request.

import { rabbitmqVersion } from '../../rabbitmq-version.ts';
import type { Broker } from '../../server.ts';
import { assertKeys, textOf } from '../body.ts';
import { queueCounts, totalOf } from '../rates.ts';
import { notFound } from '../refusal.ts';
import { type ApiResponse, type Call, noContent, ok, type Route, visibleVhosts } from '../route.ts';
import { exchangeTypeItems, nodeItem, nodeName } from './node.ts';

export const overviewRoutes: readonly Route[] = [
  { method: 'GET', path: '/overview', handle: overview },
  { method: 'GET', path: '/nodes', role: 'monitoring', handle: async (call) => ok([await nodeItem(call)]) },
  { method: 'GET', path: '/nodes/:node', role: 'monitoring', handle: node },
  { method: 'GET', path: '/version', handle: () => ok(rabbitmqVersion) },
  { method: 'GET', path: '/cluster-name', handle: ({ broker }) => ok({ name: broker.clusterName }) },
  { method: 'PUT', path: '/cluster-name', role: 'administrator', handle: putClusterName },
  { method: 'GET', path: '/whoami', handle: ({ user: { name, tags } }) => ok({ name, tags, is_internal_user: true }) },
];

export const versions = ({ version }: Broker) => ({
  rabbitmq_version: rabbitmqVersion,
  product_name: 'mq',
  product_version: version,
});

function overview(call: Call): ApiResponse {
  const { broker, listeners, rates } = call;
  const vhosts = visibleVhosts(call);
  const names = new Set(vhosts.map(({ name }) => name));
  const connections = [...broker.connections].filter(({ vhost }) => vhost !== undefined && names.has(vhost.name));
  const queues = vhosts.flatMap((vhost) => [...vhost.queues.values()]);
  return ok({
    management_version: rabbitmqVersion,
    rates_mode: 'basic',
    disable_stats: false,
    enable_queue_totals: false,
    default_queue_type: 'classic',
    statistics_db_event_queue: 0,
    ...versions(broker),
    cluster_name: broker.clusterName,
    node: nodeName,
    exchange_types: exchangeTypeItems,
    object_totals: {
      channels: sumOf(connections, ({ channels }) => channels.size),
      connections: connections.length,
      consumers: sumOf(queues, ({ consumers }) => consumers.count),
      exchanges: sumOf(vhosts, ({ exchanges }) => exchanges.size),
      queues: queues.length,
    },
    queue_totals: rates.details(queues, totalOf(queues.map(queueCounts))),
    message_stats: rates.details(vhosts, totalOf(vhosts.map((vhost) => vhost.counters))),
    churn_rates: rates.details(broker.churn, broker.churn),
    listeners: listeners.map(({ host, ...listener }) => ({
      ...listener,
      node: nodeName,
      ip_address: host,
      socket_opts: {},
      tls: listener.protocol === 'amqp/ssl' || listener.protocol === 'https',
    })),
    contexts: [],
  });
}

function sumOf<T>(all: readonly T[], count: (each: T) => number): number {
  return all.reduce((sum, each) => sum + count(each), 0);
}

function putClusterName({ broker, body }: Call): ApiResponse {
  assertKeys(body, ['name']);
  broker.setClusterName(textOf(body, 'name'));
  return noContent;
}

async function node(call: Call): Promise<ApiResponse> {
  if (call.param('node') !== nodeName) throw notFound();
  return ok(await nodeItem(call));
}
