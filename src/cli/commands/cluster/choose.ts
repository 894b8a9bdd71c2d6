// Finds the cluster and the nodes that a command line names.

import type { Cluster } from '../../../cluster/cluster.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import { nearest } from '../../../terminal/nearest.ts';
import type { Values } from '../../arguments/values.ts';

/**
 * Returns the name in --name or MQ_CLUSTER, otherwise the name of the only cluster that mq cluster up has started.
 * Throws UNAVAILABLE if the cluster does not exist, and USAGE if no name is given and there are several clusters.
 */
export async function chosenCluster({ env }: Context, values: Values): Promise<string> {
  const typed = values.name('name') ?? (env['MQ_CLUSTER'] || undefined);
  const { listClusters } = await import('../../../cluster/removal.ts');
  const found = await listClusters();
  const names = found.map(({ name }) => name);
  if (typed !== undefined) {
    if (names.includes(typed)) return typed;
    const near = nearest(typed, names);
    const there =
      names.length === 0 ? 'there is no cluster; mq cluster up starts one' : `the clusters are ${names.join(', ')}`;
    const by = values.name('name') === undefined ? ' (MQ_CLUSTER)' : '';
    throw new MqError('UNAVAILABLE', `there is no cluster ${typed}${by}`, {
      hint: near === undefined ? there : `did you mean ${near}? ${there}`,
    });
  }
  const own = found.filter(({ isOwned }) => !isOwned).map(({ name }) => name);
  const [only, second] = own;
  if (only === undefined) {
    const others = names.length === 0 ? '' : `, except those of running tests: ${names.join(', ')}`;
    throw new MqError('UNAVAILABLE', `there is no cluster${others}`, { hint: 'mq cluster up starts one' });
  }
  if (second !== undefined)
    throw new MqError('USAGE', `there are ${own.length} clusters: ${own.join(', ')}`, {
      hint: 'select one with --name NAME or MQ_CLUSTER',
    });
  return only;
}

/** Returns the indexes of the named nodes, or of all nodes if no names are given. Throws USAGE for an unknown name. */
export function indexesOf(cluster: Cluster, hosts: readonly string[]): number[] {
  const names = cluster.nodes.map(({ host }) => host);
  if (hosts.length === 0) return names.map((_, index) => index);
  return [...new Set(hosts)].map((host) => {
    const index = names.indexOf(host.replace(/^rabbit@/, ''));
    if (index !== -1) return index;
    const near = nearest(host, names);
    throw new MqError('USAGE', `there is no node '${host}' in ${cluster.name}`, {
      hint: `${near === undefined ? '' : `did you mean ${near}? `}its nodes: ${names.join(', ')}`,
    });
  });
}
