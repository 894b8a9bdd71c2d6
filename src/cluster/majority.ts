// Checks whether nodes can be stopped without losing a majority of the members or of a queue.

import { MqError } from '../errors.ts';
import { type ClusterStatus, clusterStatus } from './status.ts';

const force = 'or use --force';

/**
 * Throws REFUSED if stopping the nodes (`mq1`) would leave queues, streams or the cluster without a majority, or if
 * that cannot be determined.
 */
export async function assertMajority({ name, hosts }: { name: string; hosts: readonly string[] }): Promise<void> {
  refuseLoss(await clusterStatus({ name }), hosts);
}

/** Throws REFUSED like `assertMajority`, but for a status that is already known. */
export function refuseLoss({ nodes, queues }: Pick<ClusterStatus, 'nodes' | 'queues'>, hosts: readonly string[]): void {
  // The other nodes see a paused node as a member until they notice that it is silent.
  const running = nodes.filter(({ state }) => state === 'running');
  const stopping = running.filter(({ host, isMember }) => hosts.includes(host) && isMember !== false);
  if (stopping.length === 0 || nodes.length === 1) return;
  const what = `stopping ${stopping.map(({ host }) => host).join(', ')}`;
  if (stopping.some(({ isMember }) => isMember === undefined)) throw unknown(what, 'no node answers');
  const left = running.filter(({ host, isMember }) => isMember && !hosts.includes(host)).map(({ host }) => host);
  const hint = `start the others first (mq cluster status lists them), ${force}`;
  if (left.length * 2 <= nodes.length)
    throw new MqError('REFUSED', `${what} leaves ${left.length} of ${nodes.length} members, which is not a majority`, {
      hint,
    });
  if (queues === undefined) throw unknown(what, 'no node lists its queues in time');
  // RabbitMQ computes the effect of one stopped node. The effect of stopping several nodes is computed here.
  const counted = queues
    .filter(({ members, online }) => {
      const staying = online.filter((host) => left.includes(host)).length;
      return members.length > 1 && online.some((host) => hosts.includes(host)) && staying * 2 <= members.length;
    })
    .map(({ name, vhost }) => `queue '${name}' in vhost '${vhost}'`);
  const losing = [...new Set([...counted, ...stopping.flatMap(({ critical }) => critical ?? [])])];
  if (losing.length > 0) {
    const more = losing.length > shown ? ` and ${losing.length - shown} more` : '';
    throw new MqError('REFUSED', `${what} leaves no majority for ${losing.slice(0, shown).join(', ')}${more}`, {
      hint,
    });
  }
  const silent = stopping.find(({ critical }) => critical === undefined);
  if (silent) throw unknown(what, `${silent.host} does not answer`);
}

const shown = 5;

function unknown(what: string, why: string): MqError {
  return new MqError('REFUSED', `${what}: it is not known whether a majority would be left, because ${why}`, {
    hint: `mq cluster status shows the nodes, mq cluster heal starts all; ${force}`,
  });
}
