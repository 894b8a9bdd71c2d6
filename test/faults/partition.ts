// Cuts links between the nodes of a cluster with iptables in the network namespaces of the containers. Clients are not
// affected, because they connect through another network.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Cluster } from '../../src/cluster/cluster.ts';

const run = promisify(execFile);

/** A link in one direction: packets from node `from` to node `to` are dropped. */
export interface Cut {
  readonly from: number;
  readonly to: number;
}

/** Cuts links. Returns a function that restores them. Requires Linux, root, iptables and nsenter. */
export async function cutLinks(cluster: Cluster, cuts: readonly Cut[]): Promise<() => Promise<void>> {
  const containers = await Promise.all(
    cluster.nodes.map(({ containerName, network }) => inspect(containerName, network)),
  );
  const change = async (how: '-A' | '-D') => {
    for (const { from, to } of cuts) {
      const [source, target] = [containers[from], containers[to]];
      if (!source || !target) throw new Error(`there is no link from node ${from} to node ${to}`);
      // Packets are dropped at the receiver, so the sender sees no error.
      const rule = ['iptables', how, 'INPUT', '-s', source.address, '-j', 'DROP'];
      await run('nsenter', ['-t', target.pid, '-n', ...rule]);
    }
  };
  await change('-A');
  return () => change('-D');
}

async function inspect(container: string, network: string): Promise<{ pid: string; address: string }> {
  const format = `{{.State.Pid}} {{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  const { stdout } = await run('docker', ['inspect', '-f', format, container]);
  const [pid = '', address = ''] = stdout.trim().split(' ');
  return { pid, address };
}
