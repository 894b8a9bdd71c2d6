// Formats the output of mq cluster for people and for a shell.

import type { ClusterNode } from '../../../cluster/node.ts';
import type { ListedCluster } from '../../../cluster/removal.ts';
import type { ClusterStatus } from '../../../cluster/status.ts';
import { escaped } from '../../../errors.ts';
import { alignedRows } from '../../../terminal/table.ts';

/** Returns assignments that any POSIX shell can evaluate. */
export function envLines(
  name: string,
  { urls, managementUrls }: { urls: readonly string[]; managementUrls: readonly string[] },
): string {
  const values = { MQ_CLUSTER: name, MQ_URL: urls.join(','), MQ_MANAGEMENT_URL: managementUrls.join(',') };
  return Object.entries(values)
    .map(([variable, value]) => `export ${variable}=${quoted(value)}`)
    .join('\n');
}

/**
 * Quotes text for a shell. POSIX, Shell Command Language, 2.2.2: between single quotes only the single quote is
 * special.
 */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Describes a new cluster with the addresses of each node, but without the password. */
export function describedNodes({ name, nodes }: { name: string; nodes: readonly ClusterNode[] }): string[] {
  const [first] = nodes;
  const rows = nodes.map(({ host, url, managementUrl, webStompUrl, prometheusUrl }) => [
    host,
    new URL(url).host,
    new URL(managementUrl).origin,
    webStompUrl,
    prometheusUrl,
  ]);
  const drawn = alignedRows([['node', 'amqp', 'management', 'web stomp', 'prometheus'], ...rows]);
  return [
    `${nodes.length === 1 ? 'one node' : `${nodes.length} nodes`} of RabbitMQ ${first?.version} (${first?.image})`,
    ...drawn,
    `mq cluster down --name ${name} removes it`,
  ].map(escaped);
}

export function drawClusters(found: readonly ListedCluster[]): string {
  const rows = found.map(({ name, image, nodes, running, isOwned, isStarting }) => [
    name,
    `${running} of ${nodes}`,
    image,
    isStarting ? 'starting' : isOwned ? 'of a running test' : '',
  ]);
  return alignedRows([['name', 'running', 'image', ''], ...rows]).join('\n');
}

const mostQueues = 50;

export function drawStatus({ name, image, version, nodes, queues, problems }: ClusterStatus): string {
  const isKnown = nodes.some(({ isMember }) => isMember !== undefined);
  const running = isKnown ? nodes.filter(({ isMember }) => isMember).length : '?';
  const nodeRows = nodes.map(({ host, state, isConnected, amqp, management, leads, alarms, critical }) => [
    host,
    isConnected || state === 'gone' ? state : `${state}, cut off`,
    amqp ?? '-',
    management ?? '-',
    String(leads),
    alarms.join(' ') || '-',
    critical === undefined ? '?' : critical.length === 0 ? 'no' : 'yes',
  ]);
  const queueRows = (queues ?? [])
    .slice(0, mostQueues)
    .map((queue) => [
      queue.vhost,
      queue.name,
      queue.type,
      String(queue.messages ?? '?'),
      queue.leader ?? 'none',
      queue.members.map((host) => (queue.online.includes(host) ? host : `(${host})`)).join(' '),
    ]);
  const more = (queues?.length ?? 0) - queueRows.length;
  return [
    `cluster ${name}: ${running} of ${nodes.length} members are running, RabbitMQ ${version} (${image})`,
    '',
    ...alignedRows([['node', 'state', 'amqp', 'management', 'leads', 'alarms', 'quorum-critical'], ...nodeRows]),
    ...(queueRows.length === 0
      ? []
      : ['', ...alignedRows([['vhost', 'queue', 'type', 'messages', 'leader', 'members (offline)'], ...queueRows])]),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(problems.length === 0 ? [] : ['', ...problems]),
  ].join('\n');
}
