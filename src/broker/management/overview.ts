// The broker as a whole: overview, its one node, who asks, whether it lives.

import { hostname } from 'node:os';
import { exchangeTypes } from '../exchange.ts';
import type { Broker } from '../server.ts';
import { assertKeys, textOf } from './body.ts';
import { notFound } from './refusal.ts';
import { type Answer, type Call, noContent, ok, type Route, visibleVhosts } from './route.ts';

/** The RabbitMQ whose HTTP API this one follows: tools look at it to know what they may ask. */
const apiVersion = '4.3.0';
export const nodeName = 'mq@localhost';

export const overviewRoutes: readonly Route[] = [
  { method: 'GET', path: '/overview', handle: overview },
  { method: 'GET', path: '/nodes', role: 'monitoring', handle: ({ broker }) => ok([nodeOf(broker)]) },
  { method: 'GET', path: '/nodes/:node', role: 'monitoring', handle: node },
  { method: 'GET', path: '/version', handle: () => ok(apiVersion) },
  { method: 'GET', path: '/cluster-name', handle: ({ broker }) => ok({ name: broker.clusterName }) },
  { method: 'PUT', path: '/cluster-name', role: 'administrator', handle: putClusterName },
  { method: 'GET', path: '/whoami', handle: ({ user: { name, tags } }) => ok({ name, tags, is_internal_user: true }) },
];

export const versions = ({ version }: Broker) => ({
  rabbitmq_version: apiVersion,
  product_name: 'mq',
  product_version: version,
});

function overview(call: Call): Answer {
  const { broker, listeners } = call;
  const vhosts = visibleVhosts(call);
  const names = new Set(vhosts.map(({ name }) => name));
  const connections = [...broker.connections].filter(({ vhost }) => vhost !== undefined && names.has(vhost.name));
  const queues = vhosts.flatMap((vhost) => [...vhost.queues.values()]);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const ready = sum(queues.map((queue) => queue.ready.length));
  const unacknowledged = sum(queues.map((queue) => queue.unackedCount));
  return ok({
    management_version: apiVersion,
    rates_mode: 'basic',
    ...versions(broker),
    cluster_name: broker.clusterName,
    node: nodeName,
    exchange_types: exchangeTypes.map((name) => ({ name, description: '', enabled: true })),
    object_totals: {
      channels: sum(connections.map(({ channels }) => channels.size)),
      connections: connections.length,
      consumers: sum(queues.map(({ consumers }) => consumers.count)),
      exchanges: sum(vhosts.map(({ exchanges }) => exchanges.size)),
      queues: queues.length,
    },
    queue_totals: {
      messages: ready + unacknowledged,
      messages_ready: ready,
      messages_unacknowledged: unacknowledged,
    },
    message_stats: {
      publish: sum(vhosts.flatMap((vhost) => [...vhost.exchanges.values()].map(({ counters }) => counters.published))),
      deliver_get: sum(queues.map(({ counters }) => counters.delivered)),
      ack: sum(queues.map(({ counters }) => counters.acked)),
      redeliver: sum(queues.map(({ counters }) => counters.redelivered)),
    },
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

function putClusterName({ broker, body }: Call): Answer {
  assertKeys(body, ['name']);
  broker.setClusterName(textOf(body, 'name'));
  return noContent;
}

function node({ broker, param }: Call): Answer {
  if (param('node') !== nodeName) throw notFound();
  return ok(nodeOf(broker));
}

function nodeOf(broker: Broker): Record<string, unknown> {
  return {
    name: nodeName,
    type: 'disc',
    running: true,
    uptime: Math.max(0, Date.now() - broker.startedAt),
    mem_used: broker.memory.usedBytes,
    mem_limit: broker.memory.limitBytes,
    mem_alarm: broker.memory.isHigh,
    disk_free_alarm: false,
    partitions: [],
    applications: [{ name: 'mq', description: `mq on ${hostname()}`, version: broker.version }],
    rates_mode: 'basic',
  };
}
