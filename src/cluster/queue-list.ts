// Lists the queues of a cluster with their leaders and members.

import { objectOf, type Plain } from '../config/plain.ts';
import { askNode, listFromNode } from './api.ts';
import { within } from './limit.ts';
import { answerMs } from './members.ts';
import type { ClusterNode } from './node.ts';

/** Returns the queues, or `undefined` if the node does not answer. */
export async function listQueues(
  node: ClusterNode,
  signal: AbortSignal | undefined,
): Promise<readonly Plain[] | undefined> {
  // A list with statistics is cached, so it would not show for some seconds that a node has ended.
  const path = 'queues?disable_stats=true&enable_queue_totals=true';
  return within(answerMs, signal, async (end) => {
    const queues = await listFromNode(node, path, end);
    return Promise.all(queues.map((queue) => withLeader(queue, node, end)));
  }).catch(() => undefined);
}

/** Adds the leader and the members of a stream. RabbitMQ: a list without statistics does not contain them. */
async function withLeader(queue: Plain, node: ClusterNode, end: AbortSignal): Promise<Plain> {
  const { type, leader, vhost, name } = queue;
  if (type !== 'stream' || leader !== undefined) return queue;
  const path = `queues/${encodeURIComponent(String(vhost))}/${encodeURIComponent(String(name))}?disable_stats=true`;
  return { ...queue, ...objectOf(await askNode(node, path, end).catch(() => undefined)) };
}
