// One node: a container that is started, and what Docker knows of it afterwards.

import { isIP } from 'node:net';
import { ask, type Docker, dockerError } from './docker.ts';
import { labelFilter, labels, startingMark } from './labels.ts';
import { erlangArguments, nodeFiles, nodeName } from './settings.ts';
import { testcontainers } from './testcontainers.ts';

/** A node of a cluster, as Docker knows it. */
export interface ClusterNode {
  /** Its host name inside the cluster: `mq1`. */
  readonly host: string;
  /** Its Erlang name: `rabbit@mq1`. */
  readonly name: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly image: string;
  /** RabbitMQ's version: `4.3.6`. */
  readonly version: string;
  /** With user and password. */
  readonly url: string;
  readonly managementUrl: string;
  /** `ws://host:port/ws`. */
  readonly webStompUrl: string;
  /** `http://host:port/metrics`: Prometheus text, without a password. */
  readonly prometheusUrl: string;
  readonly user: string;
  readonly password: string;
  /** The cluster's network: Docker's name of it. */
  readonly network: string;
  /** The Erlang cookie: who has it is a member, or may do anything. */
  readonly cookie: string;
  /** True until `keepNode`: it is still being started, or its starter ended before it was ready. */
  readonly isStarting: boolean;
  /** Docker's labels of it (labels.ts). */
  readonly labels: Readonly<Record<string, string>>;
}

/** What all nodes of a cluster have in common at their start. */
export interface NodePlan {
  readonly cluster: string;
  readonly image: string;
  readonly hosts: readonly string[];
  readonly password: string;
  readonly cookie: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The address of this machine on which the ports are open. */
  readonly address: string;
  /** The containers have another name until `keepNode`: what is left of a start that was killed can be told from a cluster. */
  readonly isStarting?: boolean;
}

const user = 'mq';
const amqp = 5672;
const management = 15672;
const webStomp = 15674;
const prometheus = 15692;

/** How many ports of this machine a node takes. */
export const portsPerNode = 4;

/** The ports of a node that has the usual ones moved by so many: AMQP, management, Web STOMP, Prometheus. */
export function usualPorts(moved: number): number[] {
  return [amqp, management, webStomp, prometheus].map((port) => port + moved);
}

/** The address on which the engine's machine opens the ports of nodes: an engine elsewhere must be reached from here. */
export function nodeAddress({ machine }: Docker): string {
  return isIP(machine) ? machine : '0.0.0.0';
}

/** Docker's name of the container of a host. */
export function containerName(cluster: string, host: string): string {
  return `${cluster}-${host}`;
}

/** A node that is ready gets its name for good. */
export async function keepNode(docker: Docker, node: ClusterNode): Promise<void> {
  if (!node.isStarting) return;
  const container = docker.container.getById(node.containerId);
  const name = node.containerName.slice(0, -startingMark.length);
  await ask(`naming node ${node.host}`, () => container.rename({ name }));
}

/** Creates and starts the container of `host`; comes back when Docker has started it, long before RabbitMQ is ready. */
export async function startNode(plan: NodePlan, host: string, ports: readonly number[]): Promise<void> {
  const { GenericContainer } = await testcontainers();
  const [amqpPort, managementPort, webStompPort, prometheusPort] = ports as [number, number, number, number];
  const bindings = {
    [amqp]: amqpPort,
    [management]: managementPort,
    [webStomp]: webStompPort,
    [prometheus]: prometheusPort,
  };

  class RabbitContainer extends GenericContainer {
    // testcontainers cannot say on which address a port is open: without this, it is open to the whole network.
    protected override async beforeContainerCreated(): Promise<void> {
      for (const [inside, outside] of Object.entries(bindings)) {
        const published = [{ HostIp: plan.address, HostPort: String(outside) }];
        this.hostConfig.PortBindings = { ...this.hostConfig.PortBindings, [`${inside}/tcp`]: published };
      }
    }
  }

  try {
    await new RabbitContainer(plan.image)
      .withName(`${containerName(plan.cluster, host)}${plan.isStarting ? startingMark : ''}`)
      .withHostname(host)
      .withLabels({ ...plan.labels, [labels.host]: host })
      // With an alias the container is in Docker's default network too, which carries the published ports:
      // a node that is cut off from the cluster's network still serves its clients.
      .withNetworkMode(plan.cluster)
      .withNetworkAliases(host)
      .withExposedPorts(
        ...Object.entries(bindings).map(([inside, outside]) => ({ container: Number(inside), host: outside })),
      )
      .withEnvironment({
        RABBITMQ_NODENAME: nodeName(host),
        RABBITMQ_ERLANG_COOKIE: plan.cookie,
        RABBITMQ_DEFAULT_USER: user,
        RABBITMQ_DEFAULT_PASS: plan.password,
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangArguments(plan.hosts.length),
      })
      .withCopyContentToContainer(nodeFiles(plan.cluster, plan.hosts))
      // No Ryuk: its image may not be there, and the labels say what is left over (removal.ts).
      .withAutoCleanup(false)
      .withWaitStrategy(noWait)
      .start();
  } catch (error) {
    throw dockerError(`starting node ${host}`, error);
  }
}

/** The nodes of a cluster in the order of their host names; empty when there is no such cluster. */
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
  // 404: it went after it was listed.
  const inspected = await ask(`inspecting a node of ${cluster}`, () => container.inspect(), { except: [404] });
  if (inspected === undefined) return [];
  const { Name, Config, HostConfig } = inspected;
  const env = Object.fromEntries(Config.Env.map((line) => splitAt(line, line.indexOf('='))));
  const host = Config.Hostname;
  const password = env['RABBITMQ_DEFAULT_PASS'] ?? '';
  const place = (port: number) => {
    const published = (HostConfig.PortBindings as Record<string, { HostPort: string }[]>)[`${port}/tcp`]?.[0]?.HostPort;
    return `${docker.machine}:${published}`;
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

// ready.ts waits for all nodes together; testcontainers would run a shell in each.
const noWait = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => noWait,
  isStartupTimeoutSet: () => true,
  getStartupTimeout: () => 0,
};

function splitAt(text: string, index: number): [string, string] {
  return [text.slice(0, index), text.slice(index + 1)];
}
