// Reads the status of a cluster: the state of its containers from Docker, the state of its members and queues from
// RabbitMQ, and the resulting problems.

import { objectOf, type Plain } from '../config/plain.ts';
import { MqError } from '../errors.ts';
import { askNode, textsIn } from './api.ts';
import { attachCluster, type NodeState } from './cluster.ts';
import { within } from './limit.ts';
import { answerMs, type Member, membersOf } from './members.ts';
import type { ClusterNode } from './node.ts';
import { listQueues } from './queue-list.ts';

export interface ClusterStatus {
  readonly name: string;
  readonly image: string;
  readonly version: string;
  readonly nodes: readonly NodeStatus[];
  /** `undefined` if no node answers, or if the queues are not listed in time. */
  readonly queues: readonly QueueStatus[] | undefined;
  /** One sentence for each problem. The list is empty if there are no problems. */
  readonly problems: readonly string[];
}

export interface NodeStatus {
  readonly host: string;
  /** `gone` means that RabbitMQ has a member with this name but Docker has no container. */
  readonly state: NodeState['state'] | 'gone';
  /** `true` if it is connected to the cluster's network. */
  readonly isConnected: boolean;
  /** `true` if RabbitMQ reports the node as a running member. `undefined` if no node answers. */
  readonly isMember: boolean | undefined;
  readonly alarms: readonly string[];
  /** Number of queues whose leader is on this node. */
  readonly leads: number;
  /** Objects that would lose their majority if the node stopped. `undefined` if the node does not answer. */
  readonly critical: readonly string[] | undefined;
  /** Address without user and password. */
  readonly amqp: string | undefined;
  readonly management: string | undefined;
}

export interface QueueStatus {
  readonly vhost: string;
  readonly name: string;
  readonly type: string;
  /** Number of messages. `undefined` if the broker does not report it. */
  readonly messages: number | undefined;
  /** Host name of the leader. A classic queue has one node, which is its leader. */
  readonly leader: string | undefined;
  readonly members: readonly string[];
  readonly online: readonly string[];
}

interface StatusOptions {
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

/** Reads the status of every part of the cluster. Throws UNAVAILABLE if there is no such cluster, and INTERRUPTED. */
export async function clusterStatus({ name, signal }: StatusOptions): Promise<ClusterStatus> {
  const cluster = await attachCluster({ name });
  const states = await cluster.states();
  const runningNodes = cluster.nodes.filter((_, index) => states[index]?.state === 'running');
  // The requests run concurrently, because a silent node can delay each answer by seconds.
  const [known, listings, critical] = await Promise.all([
    membersOf(runningNodes, signal),
    Promise.all(runningNodes.map((node) => listQueues(node, signal))),
    Promise.all(runningNodes.map((node) => criticalQueues(node, signal))),
  ]);
  const running = known?.members.filter(({ isRunning }) => isRunning).map((one) => hostOf(one.name)) ?? [];
  const listing = known && listings[runningNodes.indexOf(known.source)];
  const queues = listing?.map((item) => queueStatus(item, running));
  if (signal?.aborted) throw new MqError('INTERRUPTED', `reading the status of ${name}: interrupted`);
  const nodes = cluster.nodes.map((node, index): NodeStatus => {
    const { state = 'stopped', isConnected = false } = states[index] ?? {};
    const member = known?.members.find((one) => one.name === node.name);
    return {
      host: node.host,
      state,
      isConnected,
      isMember: known && member?.isRunning === true,
      alarms: member?.alarms ?? [],
      leads: queues?.filter(({ leader }) => leader === node.host).length ?? 0,
      critical: critical[runningNodes.indexOf(node)],
      amqp: new URL(node.url).host,
      management: new URL(node.managementUrl).origin,
    };
  });
  const all = [...nodes, ...goneNodes(known?.members ?? [], cluster.nodes)];
  const { image, version } = cluster;
  return { name, image, version, nodes: all, queues, problems: problemsOf(all, queues, cluster.nodes) };
}

/**
 * Returns the names of the objects that would lose their majority without the node, as RabbitMQ displays them. Returns
 * `undefined` if the node does not answer.
 */
async function criticalQueues(node: ClusterNode, signal: AbortSignal | undefined): Promise<string[] | undefined> {
  const path = 'health/checks/node-is-quorum-critical';
  try {
    // 503 means that the node is critical.
    const answer = await within(answerMs, signal, (end) => askNode(node, path, end, { also: [503] }));
    const { status, reason = status, queues } = objectOf(answer);
    if (status === 'ok') return [];
    const names = (Array.isArray(queues) ? queues.map(objectOf) : []).map((one) =>
      String(one['readable_name'] ?? one['name'] ?? '?'),
    );
    return names.length > 0 ? names : [String(reason)];
  } catch {
    return undefined;
  }
}

function queueStatus(queue: Plain, running: readonly string[]): QueueStatus {
  const { vhost, name, type, messages, leader, node = '', members, online } = queue;
  const first = hostOf(String(leader ?? node));
  return {
    vhost: String(vhost),
    name: String(name),
    type: String(type),
    messages: typeof messages === 'number' ? messages : undefined,
    leader: running.includes(first) ? first : undefined,
    members: (textsIn(members) ?? [first]).map(hostOf).sort(),
    online: (textsIn(online) ?? [first])
      .map(hostOf)
      .filter((one) => running.includes(one))
      .sort(),
  };
}

function goneNodes(members: readonly Member[], nodes: readonly ClusterNode[]): NodeStatus[] {
  return members
    .filter(({ name }) => !nodes.some((node) => node.name === name))
    .map(({ name, isRunning }) => ({
      host: hostOf(name),
      state: 'gone',
      isConnected: false,
      isMember: isRunning,
      alarms: [],
      leads: 0,
      critical: undefined,
      amqp: undefined,
      management: undefined,
    }));
}

function problemsOf(
  nodes: readonly NodeStatus[],
  queues: readonly QueueStatus[] | undefined,
  known: readonly ClusterNode[],
): string[] {
  const unfinished = known.filter(({ isStarting }) => isStarting).map(({ host }) => host);
  const up = nodes.filter(({ isMember }) => isMember).length;
  const isKnown = nodes.some(({ isMember }) => isMember !== undefined);
  const hasMajority = !isKnown || up * 2 > nodes.length;
  return [
    ...unfinished.map(
      (host) => `${host} is still starting, or its start was killed (mq cluster up removes such nodes)`,
    ),
    ...nodes.filter(({ host }) => !unfinished.includes(host)).flatMap(nodeProblem),
    ...nodes.flatMap(({ host, alarms }) =>
      alarms.map((alarm) => `${host} has a ${alarm} alarm: publishers are blocked`),
    ),
    ...(isKnown ? [] : ['no node answers: the members and queues are unknown']),
    ...(isKnown && queues === undefined ? ['the queues are unknown: the node does not list them in time'] : []),
    ...(hasMajority ? [] : [`${up} of ${nodes.length} members are running: there is no majority`]),
    ...(queues ?? []).flatMap(({ vhost, name, leader, members, online }) =>
      leader === undefined || online.length * 2 <= members.length
        ? [`queue ${name} in ${vhost} is not available: ${online.length} of its ${members.length} members are online`]
        : [],
    ),
  ];
}

function nodeProblem({ host, state, isConnected, isMember }: NodeStatus): string[] {
  if (state === 'gone') return [`${host} is a member without a container: mq cluster forget ${host}`];
  if (state === 'stopped') return [`${host} is stopped: mq cluster start ${host}, or mq cluster forget ${host}`];
  if (state === 'paused') return [`${host} is paused: mq cluster resume ${host}`];
  if (!isConnected) return [`${host} is cut off from the others: mq cluster heal`];
  return isMember === false ? [`${host} is running, but the others do not see it: mq cluster heal`] : [];
}

/** Returns `mq1` for `rabbit@mq1`. */
function hostOf(name: string): string {
  return name.replace(/^.*@/, '');
}
