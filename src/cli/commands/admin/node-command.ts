// Runs commands in a node's container for actions that the management API does not offer. This works only for clusters
// that mq cluster has started.

import type { Call } from '../../../admin/action.ts';
import { isLoopback } from '../../../broker/loopback.ts';

/**
 * Returns a function that runs a command in a node. The function returns `undefined` if Docker is not available, if no
 * local cluster has this API, or if the cluster has no such node.
 */
export function controlOf(origin: string): NonNullable<Call['control']> {
  return async (node, command) => {
    const [{ attachCluster }, { clusterNames }] = await Promise.all([
      import('../../../cluster/cluster.ts'),
      import('../../../cluster/removal.ts'),
    ]);
    const names = await clusterNames().catch(() => []);
    for (const name of names) {
      const cluster = await attachCluster({ name }).catch(() => undefined);
      const isIt = cluster?.managementUrls.some((url) => isOneApi(url, origin));
      const at = cluster?.nodes.findIndex((one) => one.name === node) ?? -1;
      if (cluster && isIt && at !== -1) return cluster.exec(at, command);
    }
    return undefined;
  };
}

/**
 * Returns `true` if two URLs lead to the same API. A published port belongs to this machine, so localhost, 127.0.0.1
 * and [::1] are equivalent.
 */
export function isOneApi(published: string, asked: string): boolean {
  const [one, other] = [new URL(published), new URL(asked)];
  if (one.port !== other.port) return false;
  return one.host === other.host || (isLoopback(one.hostname) && isLoopback(other.hostname));
}
