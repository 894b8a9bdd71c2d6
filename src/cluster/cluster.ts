// Controls a RabbitMQ cluster in containers. Its methods cause and undo faults.

import { MqError } from '../errors.ts';
import { ask, connectDocker, type Docker } from './docker.ts';
import * as faults from './faults.ts';
import { followLogs, nodeLogs } from './logs.ts';
import { type ClusterNode, findNodes } from './node.ts';
import { type ReadyWait, untilReady } from './ready.ts';
import { removeCluster, removeSides } from './removal.ts';

/** Describes a cluster for another process, which can open it with `attachCluster`. */
export interface ClusterDescription {
  readonly name: string;
  readonly image: string;
  readonly version: string;
  readonly urls: readonly string[];
  readonly managementUrls: readonly string[];
  readonly webStompUrls: readonly string[];
  readonly prometheusUrls: readonly string[];
  readonly containers: readonly string[];
}

/** State of a node: its container's state, and whether it is connected to the cluster's network. */
export interface NodeState {
  readonly host: string;
  readonly state: 'running' | 'paused' | 'stopped';
  readonly isConnected: boolean;
}

/** Settings for waiting: time limit in milliseconds (default 120,000), abort signal, and progress callback. */
export type WaitSettings = Pick<ReadyWait, 'withinMs' | 'signal' | 'progress'>;

/** A cluster. A node is identified by its index (starting at 0) in `nodes`, `urls` and the other lists. */
export interface Cluster extends ClusterDescription, AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  /** All URLs, separated by commas. */
  readonly url: string;
  /** Kills a node with SIGKILL. */
  kill(node: number): Promise<void>;
  /** Stops a node gracefully. */
  stop(node: number): Promise<void>;
  /**
   * Starts a killed or stopped node and waits until it is a running member. If a majority is down, start several at
   * once, because a single node waits for the others.
   */
  start(node: number, wait?: WaitSettings): Promise<void>;
  /** Starts the container of a node without waiting. */
  launch(node: number): Promise<void>;
  /** Pauses a node. Its connections stay open and silent. */
  pause(node: number): Promise<void>;
  /**
   * Resumes a node. RabbitMQ 4.0 (Mnesia): after a pause of more than about ten seconds the node rejoins only through
   * `heal`, which restarts it.
   */
  unpause(node: number): Promise<void>;
  /** Disconnects a node from the others. Clients can still reach it. */
  disconnect(node: number): Promise<void>;
  /** Disconnects these nodes from the others as a group. Clients can still reach all nodes. */
  separate(nodes: readonly number[]): Promise<void>;
  /** Connects a node to the cluster's network again. */
  reconnect(node: number): Promise<void>;
  /** Runs a command in a node as root, without a shell. A status other than 0 is a result, not an error. */
  exec(node: number, command: readonly string[]): Promise<faults.ExecResult>;
  /** Returns the node's output since its first start, or its last `lines`. */
  logs(node: number, lines?: number): Promise<string>;
  /**
   * Calls `onLine` with each line of the node's output, starting with its last `lines`, until the node ends or the
   * signal aborts.
   */
  follow(node: number, to: Parameters<typeof followLogs>[2]): Promise<void>;
  /** Returns the states of all nodes, according to Docker. */
  states(): Promise<NodeState[]>;
  /** Waits until all nodes (or all of `nodes`) accept AMQP and see each other as running members. */
  ready(wait?: WaitSettings & { readonly nodes?: readonly number[] }): Promise<void>;
  /** Undoes all faults: starts, resumes, reconnects and, if necessary, restarts nodes. Waits until all are ready. */
  heal(wait?: WaitSettings): Promise<void>;
  /** Removes containers, data and network. */
  down(): Promise<void>;
  /** Returns the description for JSON.stringify. It contains the password of the cluster's user. */
  toJSON(): ClusterDescription;
}

/**
 * Returns the cluster with the name, regardless of which process started it. Throws UNAVAILABLE if Docker does not
 * answer or has no such cluster.
 */
export async function attachCluster({ name }: { name: string }): Promise<Cluster> {
  const docker = await connectDocker();
  const nodes = await findNodes(docker, name);
  const [first] = nodes;
  if (first === undefined) {
    throw new MqError('UNAVAILABLE', `there is no cluster ${name} in Docker`, { hint: `mq cluster up --name ${name}` });
  }
  return createCluster(docker, name, first, nodes);
}

function createCluster(docker: Docker, name: string, first: ClusterNode, nodes: readonly ClusterNode[]): Cluster {
  const description: ClusterDescription = {
    name,
    image: first.image,
    version: first.version,
    urls: nodes.map(({ url }) => url),
    managementUrls: nodes.map(({ managementUrl }) => managementUrl),
    webStompUrls: nodes.map(({ webStompUrl }) => webStompUrl),
    prometheusUrls: nodes.map(({ prometheusUrl }) => prometheusUrl),
    containers: nodes.map(({ containerName }) => containerName),
  };
  const down = () => removeCluster(docker, name);
  return {
    ...description,
    nodes,
    url: description.urls.join(','),
    ...nodeFaults(docker, name, nodes),
    ...clusterWaits(docker, name, nodes),
    down,
    toJSON: () => description,
    [Symbol.asyncDispose]: down,
  };
}

function nodeAt(cluster: string, nodes: readonly ClusterNode[], index: number): ClusterNode {
  const node = nodes[index];
  if (node === undefined) throw new MqError('BUG', `cluster ${cluster} has ${nodes.length} nodes, none at ${index}`);
  return node;
}

type NodeFaults = 'kill' | 'stop' | 'launch' | 'pause' | 'unpause' | 'disconnect' | 'separate' | 'reconnect';

/** Returns the operations on single nodes that do not wait for RabbitMQ. */
function nodeFaults(
  docker: Docker,
  cluster: string,
  nodes: readonly ClusterNode[],
): Pick<Cluster, NodeFaults | 'exec' | 'logs' | 'follow'> {
  const at = (index: number) => nodeAt(cluster, nodes, index);
  return {
    kill: (node) => faults.killNode(docker, at(node)),
    stop: (node) => faults.stopNode(docker, at(node)),
    launch: (node) => faults.startStopped(docker, at(node)),
    pause: (node) => faults.pauseNode(docker, at(node)),
    unpause: (node) => faults.unpauseNode(docker, at(node)),
    disconnect: (node) => faults.disconnectNode(docker, at(node)),
    separate: (parted) => faults.separateNodes(docker, parted.map(at)),
    reconnect: (node) => faults.reconnectNode(docker, at(node)),
    exec: (node, command) => faults.execInNode(docker, at(node), command),
    logs: (node, lines) => nodeLogs(docker, at(node), lines),
    follow: (node, to) => followLogs(docker, at(node), to),
  };
}

/** Returns the operations that wait until nodes are ready, and the states of all nodes. */
function clusterWaits(
  docker: Docker,
  cluster: string,
  nodes: readonly ClusterNode[],
): Pick<Cluster, 'start' | 'states' | 'ready' | 'heal'> {
  const at = (index: number) => nodeAt(cluster, nodes, index);
  const states = () => Promise.all(nodes.map((node) => nodeState(docker, node)));
  const ready = (some: readonly ClusterNode[], wait: Omit<ReadyWait, 'nodes' | 'members'> | undefined) =>
    untilReady(docker, { ...wait, nodes: some, members: some.map((node) => node.name) });
  return {
    states,
    start: async (index, wait) => {
      const node = at(index);
      await faults.startStopped(docker, node);
      await ready([node], wait);
    },
    ready: ({ nodes: wanted, ...wait } = {}) => ready(wanted?.map(at) ?? nodes, wait),
    heal: async (wait) => {
      const found = await states();
      await Promise.all(nodes.map((node, index) => healNode(docker, node, found[index])));
      await removeSides(docker, cluster);
      await ready(nodes, { ...wait, repairs: true });
    },
  };
}

async function healNode(docker: Docker, node: ClusterNode, found: NodeState | undefined): Promise<void> {
  if (found?.state === 'paused') await faults.unpauseNode(docker, node);
  if (!found?.isConnected) await faults.reconnectNode(docker, node);
  if (found?.state === 'stopped') await faults.startStopped(docker, node);
}

async function nodeState(docker: Docker, node: ClusterNode): Promise<NodeState> {
  const container = docker.container.getById(node.containerId);
  const inspected = await ask(`inspecting node ${node.host}`, () => container.inspect());
  const { Running = false, Paused = false } = inspected?.State ?? {};
  return {
    host: node.host,
    state: Paused ? 'paused' : Running ? 'running' : 'stopped',
    isConnected: node.network in (inspected?.NetworkSettings.Networks ?? {}),
  };
}
