// Reads the members of the cluster from RabbitMQ and runs its tools. The members can differ from Docker's containers.

import { MqError } from '../errors.ts';
import { listFromNode } from './api.ts';
import type { Docker } from './docker.ts';
import { execInNode } from './faults.ts';
import { within } from './limit.ts';
import type { ClusterNode } from './node.ts';

/** A member as a running node reports it. */
export interface Member {
  /** Erlang name: `rabbit@mq1`. */
  readonly name: string;
  readonly isRunning: boolean;
  /** Alarms: `memory`, `disk`. */
  readonly alarms: readonly string[];
}

/**
 * Returns the members according to the node that sees most of them running (`source`). Returns `undefined` if no node
 * answers.
 */
export async function membersOf(
  nodes: readonly ClusterNode[],
  signal?: AbortSignal,
): Promise<{ source: ClusterNode; members: Member[] } | undefined> {
  const path = 'nodes?columns=name,running,mem_alarm,disk_free_alarm';
  const views = await Promise.allSettled(
    nodes.map(async (source) => {
      const items = await within(answerMs, signal, (end) => listFromNode(source, path, end));
      const members = items.map(({ name, running, mem_alarm, disk_free_alarm }) => ({
        name: String(name),
        isRunning: running === true,
        alarms: [...(mem_alarm === true ? ['memory'] : []), ...(disk_free_alarm === true ? ['disk'] : [])],
      }));
      return { source, members };
    }),
  );
  const running = ({ members }: { members: Member[] }) => members.filter(({ isRunning }) => isRunning).length;
  return views
    .flatMap((view) => (view.status === 'fulfilled' ? [view.value] : []))
    .sort((one, other) => running(other) - running(one))[0];
}

/** Time limit in milliseconds. After the loss of another node, a node answers only after net_ticktime (settings.ts). */
export const answerMs = 15_000;

/** Runs one of RabbitMQ's tools in the node and returns its output. Throws SYSTEM with the output if it fails. */
export async function runTool(docker: Docker, node: ClusterNode, command: readonly string[]): Promise<string> {
  const { exitCode, output } = await execInNode(docker, node, command);
  if (exitCode === 0) return output;
  const [what = '', ...rest] = output.split('\n').filter((line) => line.trim() !== '');
  throw new MqError('SYSTEM', `${command.join(' ')} in ${node.host}: ${what.trim()}`, { problems: rest.slice(0, 10) });
}
