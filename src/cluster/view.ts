// Reads one node's view of the cluster from its management API.

import { listFromNode, textsIn } from './api.ts';
import { within } from './limit.ts';
import type { ClusterNode } from './node.ts';

/** One node's view of the cluster. */
interface View {
  /** Erlang names of the members that the node sees running, including itself. */
  readonly running: readonly string[];
  /** Members from which the node is separated until it is restarted (Mnesia only: RabbitMQ before 4.2). */
  readonly parted: readonly string[];
}

/** Returns the node's view, or `undefined` if it does not answer within five seconds. */
export async function viewOf(node: ClusterNode, signal: AbortSignal): Promise<View | undefined> {
  try {
    const members = await within(5_000, signal, (end) =>
      listFromNode(node, 'nodes?columns=name,running,partitions', end),
    );
    return {
      running: members.filter(({ running }) => running === true).map(({ name }) => String(name)),
      parted: textsIn(members.find(({ name }) => name === node.name)?.['partitions']) ?? [],
    };
  } catch {
    // The node has not started yet or has just ended. The caller tries again.
    return undefined;
  }
}
