// How a cluster comes to be: a network, then all nodes at once. RabbitMQ's peer discovery lets one of them found the cluster and the others join.

import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { MqError } from '../errors.ts';
import { attachCluster, type Cluster } from './cluster.ts';
import { ask, connectDocker } from './docker.ts';
import { needImage } from './image.ts';
import { labels } from './labels.ts';
import { findNodes, type NodePlan, portsPerNode, startNode } from './node.ts';
import { freePorts } from './ports.ts';
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
  /** Ends the start; what was started is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until all must be ready; 120,000 by default. */
  readonly withinMs?: number | undefined;
  /** Called when one more node is ready. */
  readonly progress?: (ready: number, total: number) => void;
}

/**
 * Starts a cluster and waits until every node is a running member that takes AMQP. User `mq` has a random password and is administrator.
 * Throws UNAVAILABLE (no Docker engine; not ready in time), SYSTEM (no image, the name is taken, a node ended), INTERRUPTED; leaves nothing behind then.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { image, nodes = 3, name = `mq-${randomBytes(4).toString('hex')}`, owner, signal } = options;
  const docker = await connectDocker();
  await needImage(docker, image);
  if ((await findNodes(docker, name)).length > 0) {
    throw new MqError('SYSTEM', `starting cluster ${name}: there is one of that name`, {
      hint: `mq cluster down --name ${name}`,
    });
  }
  const plan: NodePlan = {
    cluster: name,
    image,
    hosts: Array.from({ length: nodes }, (_, index) => `mq${index + 1}`),
    password: randomBytes(16).toString('hex'),
    cookie: randomBytes(16).toString('hex'),
    labels: {
      [labels.cluster]: name,
      ...(owner === undefined ? {} : { [labels.owner]: String(owner), [labels.machine]: hostname() }),
    },
    // An engine elsewhere must be reached from here; by an address of its own where that is known.
    address: isIP(docker.machine) ? docker.machine : '0.0.0.0',
  };
  // Two starts of one name: the network decides, before there is anything that could be taken from the other.
  const engine = docker.container.dockerode;
  await ask(`making network ${name}`, () =>
    engine.createNetwork({ Name: name, CheckDuplicate: true, Driver: 'bridge', Labels: { ...plan.labels } }),
  );
  try {
    await startNodes(plan, signal);
    const started = await findNodes(docker, name);
    await untilReady(docker, { ...options, nodes: started, members: started.map((node) => node.name) });
    return await attachCluster({ name });
  } catch (error) {
    await removeCluster(docker, name).catch(() => {});
    throw error;
  }
}

async function startNodes(plan: NodePlan, signal: AbortSignal | undefined): Promise<void> {
  // What is free on a machine elsewhere cannot be seen from here.
  const address = plan.address === '127.0.0.1' ? plan.address : '0.0.0.0';
  const ports = await freePorts(plan.hosts.length * portsPerNode, address);
  if (signal?.aborted) throw new MqError('INTERRUPTED', `starting cluster ${plan.cluster}: interrupted`);
  // All of them end before anything is removed: no container may appear after the removal.
  const starts = await Promise.allSettled(
    plan.hosts.map((host, index) =>
      startNode(plan, host, ports.slice(index * portsPerNode, (index + 1) * portsPerNode)),
    ),
  );
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
