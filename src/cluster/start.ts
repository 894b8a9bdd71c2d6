// Starts a cluster: a network, then all nodes at once. RabbitMQ's peer discovery lets one node form the cluster and the
// others join.

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { MqError } from '../errors.ts';
import { attachCluster, type Cluster } from './cluster.ts';
import { labels } from './docker/labels.ts';
import { freePorts, isFree } from './docker/ports.ts';
import { ask, connectDocker, type Docker } from './docker.ts';
import { needImage } from './image.ts';
import {
  containerName,
  findNodes,
  keepNode,
  type NodePlan,
  nodeAddress,
  portsPerNode,
  startNode,
  usualPorts,
} from './node.ts';
import { untilReady } from './ready.ts';
import { removeCluster } from './removal.ts';

export interface ClusterOptions {
  /** Number of nodes. Default 3. */
  readonly nodes?: number;
  /**
   * Image: `mq-rabbitmq:4.3` (built by test/setup), or an official one (`rabbitmq:4.3-management`), which is pulled.
   */
  readonly image: string;
  /** Name of the cluster, which is also the prefix of its containers and network. Defaults to a new name. */
  readonly name?: string | undefined;
  /** Process id of the owner. `sweep` removes the cluster after that process ends. Without an owner it stays. */
  readonly owner?: number | undefined;
  /** Process id of the starter. `sweep` removes an unfinished cluster after that process ends. */
  readonly starter?: number | undefined;
  /**
   * AMQP port of the first node. The other ports of the node have their standard distance from it (for 5672: 15672,
   * 15674 and 15692). The ports of each further node are 100 higher.
   */
  readonly port?: number | undefined;
  /** Aborts the start. Everything that was started is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit until all nodes are ready, in milliseconds. Default 120,000. */
  readonly withinMs?: number | undefined;
  /** Called when one more node is ready. */
  readonly progress?: ((ready: number, total: number) => void) | undefined;
}

/**
 * Starts a cluster and waits until every node is a running member that accepts AMQP. The user `mq` has a random
 * password and is an administrator. Throws UNAVAILABLE (no Docker engine, or not ready in time), SYSTEM (no image, the
 * name or a port is in use, or a node ended), NOT_PERMITTED (this user may not use Docker) and INTERRUPTED. After an
 * error, everything that was started is removed.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { image, name = `mq-${randomBytes(4).toString('hex')}`, signal } = options;
  const docker = await connectDocker();
  await needImage(docker, image, signal);
  if ((await findNodes(docker, name)).length > 0) {
    throw new MqError('SYSTEM', `starting cluster ${name}: a cluster of this name already exists`, {
      hint: `mq cluster down --name ${name}`,
    });
  }
  if (signal?.aborted) throw interrupted(name);
  const plan = planOf(options, name, nodeAddress(docker));
  const ports = await portsOf(plan, options.port);
  await refuseTaken(docker, plan);
  // If two starts use the same name, only one of them can create the network, before any container exists.
  const engine = docker.container.dockerode;
  await ask(`creating network ${name}`, () =>
    engine.createNetwork({ Name: name, CheckDuplicate: true, Driver: 'bridge', Labels: { ...plan.labels } }),
  );
  try {
    if (signal?.aborted) throw interrupted(name);
    await startNodes(plan, ports);
    if (signal?.aborted) throw interrupted(name);
    const started = await findNodes(docker, name);
    await untilReady(docker, { ...options, nodes: started, members: started.map((node) => node.name) });
    await Promise.all(started.map((node) => keepNode(docker, node)));
    return await attachCluster({ name });
  } catch (error) {
    await removeFailed(docker, name, error);
    throw error;
  }
}

function planOf({ image, nodes = 3, owner, starter }: ClusterOptions, cluster: string, address: string): NodePlan {
  return {
    cluster,
    image,
    hosts: Array.from({ length: nodes }, (_, index) => `mq${index + 1}`),
    password: randomBytes(16).toString('hex'),
    cookie: randomBytes(16).toString('hex'),
    labels: {
      [labels.cluster]: cluster,
      [labels.machine]: hostname(),
      ...(owner !== undefined && { [labels.owner]: String(owner) }),
      ...(starter !== undefined && { [labels.starter]: String(starter) }),
    },
    isStarting: starter !== undefined,
    address,
  };
}

/** Removes a cluster whose start failed with `error`. */
async function removeFailed(docker: Docker, name: string, error: unknown): Promise<void> {
  await removeCluster(docker, name).catch((failure: unknown) => {
    throw new MqError('SYSTEM', `cluster ${name} did not start, and its parts cannot be removed`, {
      problems: [error, failure].map(String),
      hint: `mq cluster down --name ${name}`,
      cause: error,
    });
  });
}

function interrupted(cluster: string): MqError {
  return new MqError('INTERRUPTED', `starting cluster ${cluster}: interrupted`);
}

/** Returns the ports of each node, in the order of hosts. */
async function portsOf(plan: NodePlan, first: number | undefined): Promise<number[]> {
  const { address } = plan;
  if (first === undefined) return freePorts(plan.hosts.length * portsPerNode, address);
  const [usual = 0] = usualPorts(0);
  const ports = plan.hosts.flatMap((_, index) => usualPorts(first - usual + 100 * index));
  for (const port of address === '127.0.0.1' ? ports : []) {
    if (await isFree(port, address)) continue;
    throw new MqError('SYSTEM', `starting cluster ${plan.cluster}: port ${port} is already in use`, {
      hint: 'end the process that listens there, or omit --port to use free ports',
    });
  }
  return ports;
}

/**
 * Throws SYSTEM if a container of the same name exists that belongs to no cluster. Otherwise the conflict would appear
 * only when the cluster is ready and its containers are renamed.
 */
async function refuseTaken(docker: Docker, { cluster, hosts }: NodePlan): Promise<void> {
  const engine = docker.container.dockerode;
  const taken = async (name: string) => {
    const found = await ask(`looking for a container ${name}`, () => engine.getContainer(name).inspect(), {
      except: [404],
    });
    if (found === undefined) return;
    throw new MqError('SYSTEM', `starting cluster ${cluster}: a container ${name} already exists`, {
      hint: 'choose another --name',
    });
  };
  await Promise.all(hosts.map((host) => taken(containerName(cluster, host))));
}

async function startNodes(plan: NodePlan, ports: readonly number[]): Promise<void> {
  // All starts must end before anything is removed, so that no container appears after the removal.
  const starts = await Promise.allSettled(
    plan.hosts.map((host, index) =>
      startNode(plan, host, ports.slice(index * portsPerNode, (index + 1) * portsPerNode)),
    ),
  );
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
