// How a cluster comes to be: a network, then all nodes at once. RabbitMQ's peer discovery lets one of them found the cluster and the others join.

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { MqError } from '../errors.ts';
import { attachCluster, type Cluster } from './cluster.ts';
import { ask, connectDocker, type Docker } from './docker.ts';
import { needImage } from './image.ts';
import { labels } from './labels.ts';
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
import { freePorts, isFree } from './ports.ts';
import { untilReady } from './ready.ts';
import { removeCluster } from './removal.ts';

export interface ClusterOptions {
  /** How many; 3 by default. */
  readonly nodes?: number;
  /** `mq-rabbitmq:4.3` (made by test/setup), or an official one such as `rabbitmq:4.3-management`, which is pulled. */
  readonly image: string;
  /** By default a new one. Docker's names of containers and network begin with it. */
  readonly name?: string | undefined;
  /** Process id of the owner, after whose end `sweep` removes the cluster. Without it the cluster stays until `down`. */
  readonly owner?: number | undefined;
  /** Process id of whoever starts a cluster that is to stay: `sweep` removes it if that process ends before the cluster is ready. */
  readonly starter?: number | undefined;
  /** The port for AMQP of the first node, and with it the usual others (5672: 15672, 15674, 15692); each further node has its ports 100 higher. */
  readonly port?: number | undefined;
  /** Ends the start; what was started is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until all must be ready; 120,000 by default. */
  readonly withinMs?: number | undefined;
  /** Called when one more node is ready. */
  readonly progress?: ((ready: number, total: number) => void) | undefined;
}

/**
 * Starts a cluster and waits until every node is a running member that takes AMQP. User `mq` has a random password and is administrator.
 * Throws UNAVAILABLE (no Docker engine; not ready in time), SYSTEM (no image, the name is taken, a node ended), INTERRUPTED; leaves nothing behind then.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { image, nodes = 3, name = `mq-${randomBytes(4).toString('hex')}`, owner, starter, signal } = options;
  const docker = await connectDocker();
  await needImage(docker, image, signal);
  if ((await findNodes(docker, name)).length > 0) {
    throw new MqError('SYSTEM', `starting cluster ${name}: there is one of that name`, {
      hint: `mq cluster down --name ${name}`,
    });
  }
  if (signal?.aborted) throw interrupted(name);
  const plan: NodePlan = {
    cluster: name,
    image,
    hosts: Array.from({ length: nodes }, (_, index) => `mq${index + 1}`),
    password: randomBytes(16).toString('hex'),
    cookie: randomBytes(16).toString('hex'),
    labels: {
      [labels.cluster]: name,
      [labels.machine]: hostname(),
      ...(owner !== undefined && { [labels.owner]: String(owner) }),
      ...(starter !== undefined && { [labels.starter]: String(starter) }),
    },
    isStarting: starter !== undefined,
    address: nodeAddress(docker),
  };
  const ports = await portsOf(plan, options.port);
  await refuseTaken(docker, plan);
  // Two starts of one name: the network decides, before there is anything that could be taken from the other.
  const engine = docker.container.dockerode;
  await ask(`making network ${name}`, () =>
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
    await removeCluster(docker, name).catch((failure: unknown) => {
      throw new MqError('SYSTEM', `cluster ${name} did not start, and what there is of it cannot be removed`, {
        problems: [error, failure].map(String),
        hint: `mq cluster down --name ${name}`,
        cause: error,
      });
    });
    throw error;
  }
}

function interrupted(cluster: string): MqError {
  return new MqError('INTERRUPTED', `starting cluster ${cluster}: interrupted`);
}

/** Those of each node, in the order of hosts. */
async function portsOf(plan: NodePlan, first: number | undefined): Promise<number[]> {
  const { address } = plan;
  if (first === undefined) return freePorts(plan.hosts.length * portsPerNode, address);
  const [usual = 0] = usualPorts(0);
  const ports = plan.hosts.flatMap((_, index) => usualPorts(first - usual + 100 * index));
  for (const port of address === '127.0.0.1' ? ports : []) {
    if (await isFree(port, address)) continue;
    throw new MqError('SYSTEM', `starting cluster ${plan.cluster}: port ${port} is taken`, {
      hint: 'end what listens there, or leave --port out: free ports are found then',
    });
  }
  return ports;
}

/** A container of that name that is no part of a cluster would be noticed only when the cluster is ready. */
async function refuseTaken(docker: Docker, { cluster, hosts }: NodePlan): Promise<void> {
  const engine = docker.container.dockerode;
  const taken = async (name: string) => {
    const found = await ask(`looking for a container ${name}`, () => engine.getContainer(name).inspect(), {
      except: [404],
    });
    if (found === undefined) return;
    throw new MqError('SYSTEM', `starting cluster ${cluster}: there is a container ${name} already`, {
      hint: 'give another --name',
    });
  };
  await Promise.all(hosts.map((host) => taken(containerName(cluster, host))));
}

async function startNodes(plan: NodePlan, ports: readonly number[]): Promise<void> {
  // All of them end before anything is removed: no container may appear after the removal.
  const starts = await Promise.allSettled(
    plan.hosts.map((host, index) =>
      startNode(plan, host, ports.slice(index * portsPerNode, (index + 1) * portsPerNode)),
    ),
  );
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
