// Waits until nodes are ready: a node accepts AMQP, and reports that the expected members are running.

import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { MqError } from '../errors.ts';
import { ask, type Docker } from './docker.ts';
import { restartNode } from './faults.ts';
import { within } from './limit.ts';
import { nodeLogs } from './logs.ts';
import type { ClusterNode } from './node.ts';
import { viewOf } from './view.ts';

export interface ReadyWait {
  /** Nodes that must be ready. */
  readonly nodes: readonly ClusterNode[];
  /** Erlang names of the members that each node must see running. */
  readonly members: readonly string[];
  /** If `true`, restarts a node that has separated from at least half of the members and would never rejoin. */
  readonly repairs?: boolean;
  /** Time limit in milliseconds. Default 120,000. */
  readonly withinMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called when one more node is ready. */
  readonly progress?: ((ready: number, total: number) => void) | undefined;
}

/** Waits until the nodes are ready. Throws UNAVAILABLE at the deadline, SYSTEM if a container ended, or INTERRUPTED. */
export async function untilReady(docker: Docker, wait: ReadyWait): Promise<void> {
  const { nodes, withinMs = 120_000, signal, progress } = wait;
  const waiting = new Set(nodes);
  try {
    await within(withinMs, signal, (end) =>
      Promise.all(
        nodes.map(async (node) => {
          while (!(await isReady(docker, node, wait, end))) await pause(docker, node, end);
          waiting.delete(node);
          progress?.(nodes.length - waiting.size, nodes.length);
        }),
      ),
    );
  } catch (error) {
    if (error instanceof MqError) throw error;
    const [first] = waiting;
    if (signal?.aborted || first === undefined)
      throw new MqError('INTERRUPTED', 'waiting for the cluster: interrupted');
    throw new MqError('UNAVAILABLE', `node ${first.host} is not ready in time`, {
      problems: await lastLines(docker, first),
      cause: error,
    });
  }
}

async function isReady(docker: Docker, node: ClusterNode, wait: ReadyWait, end: AbortSignal): Promise<boolean> {
  const view = await viewOf(node, end);
  if (view === undefined) return false;
  if (wait.repairs && view.parted.length * 2 >= wait.members.length) await restartNode(docker, node);
  return wait.members.every((member) => view.running.includes(member)) && (await acceptsAmqp(node, end));
}

// Reports whether the node accepts AMQP. Docker's proxy accepts connections before the node does, so only the node's
// first frame proves it.
function acceptsAmqp(node: ClusterNode, end: AbortSignal): Promise<boolean> {
  const { hostname, port } = new URL(node.url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), signal: end, timeout: 5_000 });
    const answer = (isAccepted: boolean) => {
      socket.destroy();
      resolve(isAccepted);
    };
    socket
      .once('connect', () => socket.write('AMQP\0\0\x09\x01'))
      // This is a method frame on channel 0: connection.start.
      .once('data', (frame) => answer(frame[0] === 1))
      .once('timeout', () => answer(false))
      .once('error', () => answer(false))
      .once('close', () => answer(false));
  });
}

async function pause(docker: Docker, node: ClusterNode, end: AbortSignal): Promise<void> {
  const container = docker.container.getById(node.containerId);
  const inspected = await ask(`inspecting node ${node.host}`, () => container.inspect());
  const { Running, ExitCode } = inspected?.State ?? { Running: false, ExitCode: -1 };
  if (!Running) {
    throw new MqError('SYSTEM', `node ${node.host} ended with status ${ExitCode}`, {
      problems: await lastLines(docker, node),
    });
  }
  await setTimeout(200, undefined, { signal: end });
}

async function lastLines(docker: Docker, node: ClusterNode): Promise<string[]> {
  const text = await nodeLogs(docker, node, 10).catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}
