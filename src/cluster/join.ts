// Adds a node to a running cluster. Starts a container like the others, and RabbitMQ's peer discovery adds the node.

import { hostname } from 'node:os';
import { asMqError, MqError } from '../errors.ts';
import { attachCluster, type Cluster, type WaitSettings } from './cluster.ts';
import { labels } from './docker/labels.ts';
import { freePorts } from './docker/ports.ts';
import { connectDocker, type Docker } from './docker.ts';
import { membersOf, runTool } from './members.ts';
import { type ClusterNode, findNodes, keepNode, type NodePlan, nodeAddress, portsPerNode, startNode } from './node.ts';
import { untilReady } from './ready.ts';
import { removeContainer } from './removal.ts';

export interface JoinOptions extends WaitSettings {
  /** Name of the cluster. */
  readonly cluster: string;
  /** Process id of the starter. `sweep` removes an unfinished node after that process has ended. */
  readonly starter: number;
  /** Adds a member of every quorum queue on the new node. */
  readonly grow?: boolean;
}

/**
 * Adds a node with the next number and waits until it is a running member. If that fails, removes the node and throws
 * UNAVAILABLE (not ready in time), SYSTEM or INTERRUPTED. If only `grow` fails, keeps the node and throws SYSTEM.
 * Throws REFUSED if no majority of the members is running, and the errors of connectDocker.
 */
export async function joinNode(options: JoinOptions): Promise<{ cluster: Cluster; node: ClusterNode }> {
  const { cluster: name, grow, signal } = options;
  const docker = await connectDocker();
  const nodes = await findNodes(docker, name);
  const known = await membersOf(nodes, signal);
  const running = known?.members.filter(({ isRunning }) => isRunning).map((member) => member.name) ?? [];
  const [first] = nodes;
  if (first === undefined || known === undefined || running.length * 2 <= known.members.length) {
    throw new MqError('REFUSED', `no node can join ${name}: there is no majority of its members`, {
      hint: 'mq cluster heal starts them',
    });
  }
  const host = nextHost([...nodes.map((node) => node.host), ...known.members.map((member) => hostOf(member.name))]);
  const plan = planOf(options, { first, hosts: [...running.map(hostOf), host], address: nodeAddress(docker) });
  const ports = await freePorts(portsPerNode, plan.address);
  let started: ClusterNode | undefined;
  try {
    await startNode(plan, host, ports);
    started = (await findNodes(docker, name)).find((node) => node.host === host);
    if (started === undefined) throw new MqError('SYSTEM', `node ${host} of ${name} was removed while it started`);
    await untilReady(docker, { ...options, nodes: [started], members: [...running, started.name] });
    await keepNode(docker, started);
  } catch (error) {
    await undo(docker, { name, host, source: known.source });
    throw error;
  }
  if (grow) await growTo(docker, started);
  const cluster = await attachCluster({ name });
  return { cluster, node: cluster.nodes.find((node) => node.host === host) ?? started };
}

/** Returns the host name with the next number: `mq4` after `mq1` and `mq3`. */
function nextHost(hosts: readonly string[]): string {
  const numbers = hosts.map((host) => Number(/(?<!\d)\d+$/.exec(host)?.[0] ?? 0));
  return `mq${Math.max(...numbers) + 1}`;
}

/** Returns the settings of the new node, which are those of the first node. */
function planOf(
  { cluster, starter }: JoinOptions,
  { first, hosts, address }: { first: ClusterNode; hosts: readonly string[]; address: string },
): NodePlan {
  return {
    cluster,
    image: first.image,
    hosts,
    password: first.password,
    cookie: first.cookie,
    address,
    isStarting: true,
    labels: {
      ...ownLabels(first),
      [labels.starter]: String(starter),
      [labels.machine]: hostname(),
      [labels.joined]: 'true',
    },
  };
}

function hostOf(name: string): string {
  return name.replace(/^.*@/, '');
}

/** Adds a member of each quorum queue on the node. If this fails, the node is still a member of the cluster. */
async function growTo(docker: Docker, node: ClusterNode): Promise<void> {
  try {
    await runTool(docker, node, ['rabbitmq-queues', '-q', 'grow', node.name, 'all']);
  } catch (error) {
    throw ungrown(node.host, error);
  }
}

/** Returns the error for a `grow` that failed. */
export function ungrown(host: string, error: unknown): MqError {
  const { message, problems } = asMqError(error);
  return new MqError('SYSTEM', `${host} has joined, but not every quorum queue has a member on it: ${message}`, {
    problems,
    hint: `mq admin grow ${host}`,
    cause: error,
  });
}

/** Returns the labels of the cluster, without those of the node itself. */
function ownLabels({ labels: all }: ClusterNode): Record<string, string> {
  const own: readonly string[] = [labels.host, labels.joined];
  return Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith('mq.') && !own.includes(key)));
}

async function undo(
  docker: Docker,
  { name, host, source }: { name: string; host: string; source: ClusterNode },
): Promise<void> {
  const half = (await findNodes(docker, name)).find((node) => node.host === host);
  if (half === undefined) return;
  await removeContainer(docker, { Id: half.containerId, Names: [`/${half.containerName}`] });
  // The node may already be a member of the cluster.
  const members = (await membersOf([source]))?.members ?? [];
  if (members.some((member) => member.name === half.name))
    await runTool(docker, source, ['rabbitmqctl', '-q', 'forget_cluster_node', half.name]);
}
