// What one node says about the cluster, by its management API.

import { askNode } from './api.ts';
import { within } from './limit.ts';
import type { ClusterNode } from './node.ts';

/** The cluster in the eyes of one node. */
export interface View {
  /** Erlang names of the members it sees running, itself among them. */
  readonly running: readonly string[];
  /** Members it has parted from and will not meet again until it is restarted (Mnesia only: RabbitMQ before 4.2). */
  readonly parted: readonly string[];
}

/** What the node says; undefined when it does not answer within five seconds. */
export async function viewOf(node: ClusterNode, signal: AbortSignal): Promise<View | undefined> {
  try {
    const members = await within(5_000, signal, (end) =>
      askNode<{ name: string; running: boolean; partitions?: string[] }[]>(
        node,
        'nodes?columns=name,running,partitions',
        end,
      ),
    );
    return {
      running: members.filter(({ running }) => running).map(({ name }) => name),
      parted: members.find(({ name }) => name === node.name)?.partitions ?? [],
    };
  } catch {
    // Not there yet, or just gone: whoever waits asks again.
    return undefined;
  }
}
