// Docker operations that disturb or repair a node. Each is complete when its promise resolves.

import { randomBytes } from 'node:crypto';
import { MqError } from '../errors.ts';
import { labels } from './docker/labels.ts';
import { ask, type Docker } from './docker.ts';
import type { ClusterNode } from './node.ts';

/** Kills a node with SIGKILL: it flushes nothing and does not notify the others. Resolves when it has ended. */
export async function killNode(docker: Docker, node: ClusterNode): Promise<void> {
  const container = docker.container.getById(node.containerId);
  await ask(`killing node ${node.host}`, () => container.kill());
  await ask(`waiting for the end of node ${node.host}`, () => container.wait());
}

/** Stops a node with SIGTERM, and with SIGKILL after 30 seconds. Docker does not restart the node. */
export async function stopNode(docker: Docker, node: ClusterNode): Promise<void> {
  const container = docker.container.getById(node.containerId);
  // 304: the container is already stopped.
  await ask(`stopping node ${node.host}`, () => container.stop({ t: 30 }), { except: [304] });
}

/** Starts the container of a stopped or killed node on the same ports and with its data. Does not wait for RabbitMQ. */
export async function startStopped(docker: Docker, node: ClusterNode): Promise<void> {
  const container = docker.container.getById(node.containerId);
  // 304: the container is already running.
  await ask(`starting node ${node.host}`, () => container.start(), { except: [304] });
}

/** Stops a node gracefully and starts it again. Does not wait for RabbitMQ. */
export async function restartNode(docker: Docker, node: ClusterNode): Promise<void> {
  await ask(`restarting node ${node.host}`, () => docker.container.getById(node.containerId).restart({ t: 30 }));
}

/** Pauses all processes of the node. Its connections stay open and silent. */
export async function pauseNode(docker: Docker, node: ClusterNode): Promise<void> {
  await ask(`pausing node ${node.host}`, () => docker.container.getById(node.containerId).pause());
}

export async function unpauseNode(docker: Docker, node: ClusterNode): Promise<void> {
  await ask(`unpausing node ${node.host}`, () => docker.container.getById(node.containerId).unpause());
}

/** Disconnects the node from the other nodes. Its clients can still reach it. */
export async function disconnectNode(docker: Docker, node: ClusterNode): Promise<void> {
  const network = docker.network.getById(node.network);
  await ask(`disconnecting node ${node.host}`, () => network.disconnect({ Container: node.containerId, Force: true }));
}

/** Disconnects the nodes from the others as a group. They can reach each other, and clients can reach all nodes. */
export async function separateNodes(docker: Docker, nodes: readonly ClusterNode[]): Promise<void> {
  const [first, second] = nodes;
  if (first === undefined) return;
  if (second === undefined) return disconnectNode(docker, first);
  const engine = docker.container.dockerode;
  const side = `${first.network}-side-${randomBytes(3).toString('hex')}`;
  await ask(`creating network ${side}`, () =>
    engine.createNetwork({ Name: side, Driver: 'bridge', Labels: { [labels.cluster]: first.network } }),
  );
  await Promise.all(nodes.map((node) => disconnectNode(docker, node)));
  await Promise.all(nodes.map((node) => connectNode(docker, node, side)));
}

/** Reconnects the node to the cluster's network under its own name. */
export async function reconnectNode(docker: Docker, node: ClusterNode): Promise<void> {
  const inspected = await ask(`inspecting node ${node.host}`, () =>
    docker.container.getById(node.containerId).inspect(),
  );
  const sides = Object.keys(inspected?.NetworkSettings.Networks ?? {}).filter((name) =>
    name.startsWith(`${node.network}-side-`),
  );
  for (const side of sides) {
    const network = docker.network.getById(side);
    await ask(`disconnecting node ${node.host}`, () =>
      network.disconnect({ Container: node.containerId, Force: true }),
    );
  }
  await connectNode(docker, node, node.network);
}

async function connectNode(docker: Docker, node: ClusterNode, network: string): Promise<void> {
  await ask(`connecting node ${node.host}`, () =>
    docker.network.getById(network).connect({ Container: node.containerId, EndpointConfig: { Aliases: [node.host] } }),
  );
}

/** Result of a command in a node: its status, and its output on stdout and stderr. */
export interface ExecResult {
  readonly exitCode: number;
  readonly output: string;
}

/**
 * Runs a command in a node as root, without a shell: `['rabbitmqctl', '-q', 'list_queues']`. A status other than 0 is a
 * result, not an error.
 */
export async function execInNode(docker: Docker, node: ClusterNode, command: readonly string[]): Promise<ExecResult> {
  const container = docker.container.getById(node.containerId);
  const result = await ask(`running ${command[0]} in node ${node.host}`, () =>
    docker.container.exec(container, [...command]),
  );
  if (result === undefined) throw new MqError('BUG', `no answer from ${command[0]} in node ${node.host}`);
  return { exitCode: result.exitCode, output: result.output };
}
