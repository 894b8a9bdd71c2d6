// A RabbitMQ cluster in containers: started, or found by its name, with faults as methods.

import { MqError } from '../errors.ts';
import { ask, connectDocker, type Docker } from './docker.ts';
import * as faults from './faults.ts';
import { followLogs, nodeLogs } from './logs.ts';
import { type ClusterNode, findNodes } from './node.ts';
import { type ReadyWait, untilReady } from './ready.ts';
import { removeCluster, removeSides } from './removal.ts';

/** What another process needs in order to use a cluster. `attachCluster` takes it back. */
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

/** How a node is: as Docker has it, and whether it is in the cluster's network. */
export interface NodeState {
  readonly host: string;
  readonly state: 'running' | 'paused' | 'stopped';
  readonly isConnected: boolean;
}

/** How long to wait for nodes (milliseconds; 120,000 by default), what ends the wait, and who is told of each that is ready. */
export type Patience = Pick<ReadyWait, 'withinMs' | 'signal' | 'progress'>;

/** A cluster. A node is named by its place (0 is the first) in `nodes`, `urls` and the others. */
export interface Cluster extends ClusterDescription, AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  /** All urls, joined by commas. */
  readonly url: string;
  /** SIGKILL. */
  kill(node: number): Promise<void>;
  /** Orderly. */
  stop(node: number): Promise<void>;
  /** Starts a killed or stopped node and waits until it is a running member. Start several at once when a majority is down: one alone waits for them. */
  start(node: number, patience?: Patience): Promise<void>;
  /** Starts its container, and does not wait. */
  launch(node: number): Promise<void>;
  /** Freezes a node; its connections stay open and silent. */
  pause(node: number): Promise<void>;
  /** RabbitMQ 4.0 (Mnesia): a node that was paused for more than about ten seconds comes back only by `heal`, which restarts it. */
  unpause(node: number): Promise<void>;
  /** Cuts a node off from the others; clients still reach it. */
  disconnect(node: number): Promise<void>;
  /** Cuts these nodes off from the others; they still see each other, and clients reach all. */
  separate(nodes: readonly number[]): Promise<void>;
  reconnect(node: number): Promise<void>;
  /** Runs a command in a node, as root, without a shell. A status other than 0 is a result, not an error. */
  exec(node: number, command: readonly string[]): Promise<faults.ExecResult>;
  /** What the node has written since its first start, or the last `lines`. */
  logs(node: number, lines?: number): Promise<string>;
  /** Each line that the node writes, from its last `lines` on, until it ends or the signal comes. */
  follow(node: number, to: Parameters<typeof followLogs>[2]): Promise<void>;
  states(): Promise<NodeState[]>;
  /** Waits until every node (or each of `nodes`) is a running member in the eyes of every other, and takes AMQP. */
  ready(patience?: Patience & { readonly nodes?: readonly number[] }): Promise<void>;
  /** Undoes every fault: starts, unpauses, reconnects (and restarts) what needs it, and waits until all is ready. */
  heal(patience?: Patience): Promise<void>;
  /** Removes containers, data and network. */
  down(): Promise<void>;
  /** For JSON.stringify. Holds the password. */
  toJSON(): ClusterDescription;
}

/** The cluster of that name, whoever started it. Throws UNAVAILABLE when Docker does not answer or holds no such cluster. */
export async function attachCluster({ name }: { name: string }): Promise<Cluster> {
  const docker = await connectDocker();
  const nodes = await findNodes(docker, name);
  const [first] = nodes;
  if (first === undefined) {
    throw new MqError('UNAVAILABLE', `no cluster ${name} in Docker`, { hint: `mq cluster up --name ${name}` });
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
  const at = (index: number): ClusterNode => {
    const node = nodes[index];
    if (node === undefined) throw new MqError('BUG', `cluster ${name} has ${nodes.length} nodes, none at ${index}`);
    return node;
  };
  const all = { nodes, members: nodes.map((node) => node.name) };
  const states = () => Promise.all(nodes.map((node) => nodeState(docker, node)));
  const down = () => removeCluster(docker, name);
  return {
    ...description,
    nodes,
    url: description.urls.join(','),
    kill: (node) => faults.killNode(docker, at(node)),
    stop: (node) => faults.stopNode(docker, at(node)),
    start: async (index, patience) => {
      const node = at(index);
      await faults.startStopped(docker, node);
      await untilReady(docker, { ...patience, nodes: [node], members: [node.name] });
    },
    launch: (node) => faults.startStopped(docker, at(node)),
    pause: (node) => faults.pauseNode(docker, at(node)),
    unpause: (node) => faults.unpauseNode(docker, at(node)),
    disconnect: (node) => faults.disconnectNode(docker, at(node)),
    separate: (parted) => faults.separateNodes(docker, parted.map(at)),
    reconnect: (node) => faults.reconnectNode(docker, at(node)),
    exec: (node, command) => faults.execInNode(docker, at(node), command),
    logs: (node, lines) => nodeLogs(docker, at(node), lines),
    follow: (node, to) => followLogs(docker, at(node), to),
    states,
    ready: ({ nodes: wanted, ...patience } = {}) => {
      const some = wanted?.map(at) ?? nodes;
      return untilReady(docker, { ...patience, nodes: some, members: some.map((node) => node.name) });
    },
    heal: async (patience) => {
      const found = await states();
      await Promise.all(nodes.map((node, index) => healNode(docker, node, found[index])));
      await removeSides(docker, name);
      await untilReady(docker, { ...patience, ...all, repairs: true });
    },
    down,
    toJSON: () => description,
    [Symbol.asyncDispose]: down,
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
