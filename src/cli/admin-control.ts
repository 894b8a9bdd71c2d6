// Commands in a node's container, for what the management API cannot do: where the API is that of a cluster of mq cluster.

import type { Call } from '../admin/action.ts';
import { isLoopback } from '../broker/loopback.ts';

/** undefined from it: no cluster in this machine's Docker has that API, or there is no Docker. */
export function controlOf(origin: string): NonNullable<Call['control']> {
  return async (node, command) => {
    const [{ attachCluster }, { clusterNames }] = await Promise.all([
      import('../cluster/cluster.ts'),
      import('../cluster/removal.ts'),
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

/** A published port is this machine's, by whatever name it is reached: localhost, 127.0.0.1 and [::1] are one. */
export function isOneApi(published: string, asked: string): boolean {
  const [one, other] = [new URL(published), new URL(asked)];
  if (one.port !== other.port) return false;
  return one.host === other.host || (isLoopback(one.hostname) && isLoopback(other.hostname));
}
