// Whether nodes can be stopped without taking a majority away: of the members, or of a queue's.

import { MqError } from '../errors.ts';
import { type ClusterStatus, clusterStatus } from './status.ts';

const force = 'or give --force';

/**
 * Refuses to take the nodes (`mq1`) away where something would be left without a majority: queues, streams, or the members
 * themselves; and where that cannot be told. Throws REFUSED that says what.
 */
export async function assertDispensable({ name, hosts }: { name: string; hosts: readonly string[] }): Promise<void> {
  refuseLoss(await clusterStatus({ name }), hosts);
}

/** The same of a status that is known. */
export function refuseLoss({ nodes, queues }: Pick<ClusterStatus, 'nodes' | 'queues'>, hosts: readonly string[]): void {
  // One that is frozen is a member in the eyes of the others until they have noticed.
  const running = nodes.filter(({ state }) => state === 'running');
  const stopping = running.filter(({ host, isMember }) => hosts.includes(host) && isMember !== false);
  if (stopping.length === 0 || nodes.length === 1) return;
  const what = `stopping ${stopping.map(({ host }) => host).join(', ')}`;
  if (stopping.some(({ isMember }) => isMember === undefined)) throw unknown(what, 'no node answers');
  const left = running.filter(({ host, isMember }) => isMember && !hosts.includes(host)).map(({ host }) => host);
  const hint = `start the others first (mq cluster status shows them), ${force}`;
  if (left.length * 2 <= nodes.length)
    throw new MqError('REFUSED', `${what} leaves ${left.length} of ${nodes.length} members: no majority`, { hint });
  if (queues === undefined) throw unknown(what, 'no node lists its queues in time');
  // RabbitMQ answers for each node as if it were the only one to go: what several take away together is counted here.
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
  return new MqError('REFUSED', `${what}: whether a majority is left cannot be told, as ${why}`, {
    hint: `mq cluster status shows the nodes, mq cluster heal starts all; ${force}`,
  });
}
