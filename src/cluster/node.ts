// Starts the container of a node and reads its properties from Docker.

import { isIP } from 'node:net';
import { labelFilter, labels, startingMark } from './docker/labels.ts';
import { testcontainers } from './docker/testcontainers.ts';
import { ask, type Docker, dockerError } from './docker.ts';
import { erlangArguments, nodeFiles, nodeName } from './settings.ts';

/** A node of a cluster, as Docker describes it. */
export interface ClusterNode {
  /** Host name inside the cluster: `mq1`. */
  readonly host: string;
  /** Erlang name: `rabbit@mq1`. */
  readonly name: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly image: string;
  /** Version of RabbitMQ: `4.3.6`. */
  readonly version: string;
  /** Address with user and password. */
  readonly url: string;
  readonly managementUrl: string;
  /** Address of Web STOMP: `ws://host:port/ws`. */
  readonly webStompUrl: string;
  /** Address of the Prometheus metrics, without a password: `http://host:port/metrics`. */
  readonly prometheusUrl: string;
  readonly user: string;
  readonly password: string;
  /** Docker's name of the cluster's network. */
  readonly network: string;
  /** Erlang cookie. A process with the cookie can join the cluster and has full access. */
  readonly cookie: string;
  /** `true` until `keepNode`: the node is starting, or its starter ended before it was ready. */
  readonly isStarting: boolean;
  /** Docker labels of the node (labels.ts). */
  readonly labels: Readonly<Record<string, string>>;
}

/** Start settings that all nodes of a cluster share. */
export interface NodePlan {
  readonly cluster: string;
  readonly image: string;
  readonly hosts: readonly string[];
  readonly password: string;
  readonly cookie: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Local address on which the ports are published. */
  readonly address: string;
  /** If `true`, the containers have a special name until `keepNode`. It identifies the leftovers of a killed start. */
  readonly isStarting?: boolean;
}

const user = 'mq';
const amqp = 5672;
const management = 15672;
const webStomp = 15674;
const prometheus = 15692;

const insidePorts = [amqp, management, webStomp, prometheus];

/** Number of local ports of a node. */
export const portsPerNode = insidePorts.length;

/** Returns the standard ports for AMQP, management, Web STOMP and Prometheus, each plus `offset`. */
export function usualPorts(offset: number): number[] {
  return insidePorts.map((port) => port + offset);
}

/**
 * Returns the address on which ports are published. If the engine's machine is known only by its name, this is every
 * address of that machine, so that its ports are reachable from this one.
 */
export function nodeAddress({ machine }: Docker): string {
  return isIP(machine) ? machine : '0.0.0.0';
}

/** Returns Docker's name of the container of a host. */
export function containerName(cluster: string, host: string): string {
  return `${cluster}-${host}`;
}

/** Renames a ready node to its final name. */
export async function keepNode(docker: Docker, node: ClusterNode): Promise<void> {
  if (!node.isStarting) return;
  const container = docker.container.getById(node.containerId);
  const name = node.containerName.slice(0, -startingMark.length);
  await ask(`naming node ${node.host}`, () => container.rename({ name }));
}

/** Creates and starts the container of `host`. Resolves when Docker has started it, long before RabbitMQ is ready. */
export async function startNode(plan: NodePlan, host: string, ports: readonly number[]): Promise<void> {
  const published = insidePorts.map((container, index) => ({ container, host: ports[index] ?? 0 }));
  const container = await rabbitContainer(plan, published);
  try {
    await container
      .withName(`${containerName(plan.cluster, host)}${plan.isStarting ? startingMark : ''}`)
      .withHostname(host)
      .withLabels({ ...plan.labels, [labels.host]: host })
      // With an alias, the container is also in Docker's default network, which provides the published ports. Therefore
      // a node that is disconnected from the cluster's network can still serve its clients.
      .withNetworkMode(plan.cluster)
      .withNetworkAliases(host)
      .withExposedPorts(...published)
      .withEnvironment({
        RABBITMQ_NODENAME: nodeName(host),
        RABBITMQ_ERLANG_COOKIE: plan.cookie,
        RABBITMQ_DEFAULT_USER: user,
        RABBITMQ_DEFAULT_PASS: plan.password,
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangArguments(plan.hosts.length),
      })
      .withCopyContentToContainer(nodeFiles(plan.cluster, plan.hosts))
      // Ryuk is not used, because its image may not be available. removal.ts finds leftover containers by their labels.
      .withAutoCleanup(false)
      .withWaitStrategy(noWait)
      .start();
  } catch (error) {
    throw dockerError(`starting node ${host}`, error);
  }
}

interface PublishedPort {
  readonly container: number;
  readonly host: number;
}

/** Returns a container of testcontainers that publishes its ports only on the plan's address. */
async function rabbitContainer({ image, address }: NodePlan, published: readonly PublishedPort[]) {
  const { GenericContainer } = await testcontainers();
  class RabbitContainer extends GenericContainer {
    // testcontainers cannot set the address of a published port, so by default the port is open to the whole network.
    protected override async beforeContainerCreated(): Promise<void> {
      for (const { container, host } of published) {
        const bindings = [{ HostIp: address, HostPort: String(host) }];
        this.hostConfig.PortBindings = { ...this.hostConfig.PortBindings, [`${container}/tcp`]: bindings };
      }
    }
  }
  return new RabbitContainer(image);
}

/** Returns the nodes of a cluster sorted by host name. The list is empty if there is no such cluster. */
export async function findNodes(docker: Docker, cluster: string): Promise<ClusterNode[]> {
  const engine = docker.container.dockerode;
  const found = await ask(`finding the nodes of ${cluster}`, () =>
    engine.listContainers({ all: true, filters: labelFilter(cluster) }),
  );
  const nodes = await Promise.all((found ?? []).map(({ Id }) => describeNode(docker, cluster, Id)));
  return nodes.flat().sort((one, other) => one.host.localeCompare(other.host, 'en', { numeric: true }));
}

async function describeNode(docker: Docker, cluster: string, containerId: string): Promise<ClusterNode[]> {
  const container = docker.container.getById(containerId);
  // 404: it was removed after it was listed.
  const inspected = await ask(`inspecting a node of ${cluster}`, () => container.inspect(), { except: [404] });
  if (inspected === undefined) return [];
  const { Name, Config, HostConfig } = inspected;
  const env = Object.fromEntries(Config.Env.map((line) => splitAt(line, line.indexOf('='))));
  const host = Config.Hostname;
  const password = env['RABBITMQ_DEFAULT_PASS'] ?? '';
  const place = (port: number) => {
    const bindings: Readonly<Record<string, readonly { HostPort: string }[]>> = HostConfig.PortBindings;
    return `${docker.machine}:${bindings[`${port}/tcp`]?.[0]?.HostPort}`;
  };
  const node: ClusterNode = {
    host,
    name: nodeName(host),
    containerId,
    containerName: Name.slice(1),
    image: Config.Image,
    version: env['RABBITMQ_VERSION'] ?? 'unknown',
    url: `amqp://${user}:${password}@${place(amqp)}`,
    managementUrl: `http://${user}:${password}@${place(management)}`,
    webStompUrl: `ws://${place(webStomp)}/ws`,
    prometheusUrl: `http://${place(prometheus)}/metrics`,
    user,
    password,
    network: cluster,
    cookie: env['RABBITMQ_ERLANG_COOKIE'] ?? '',
    isStarting: Name.endsWith(startingMark),
    labels: Config.Labels,
  };
  return [node];
}

// testcontainers must not wait, because it would run a shell in each node. ready.ts waits for all nodes together.
const noWait = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => noWait,
  isStartupTimeoutSet: () => true,
  getStartupTimeout: () => 0,
};

function splitAt(text: string, index: number): [string, string] {
  return [text.slice(0, index), text.slice(index + 1)];
}
