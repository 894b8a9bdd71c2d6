// A cluster of RabbitMQ as its clients see it: three nodes, which relay to one core. The core is an embedded broker with all
// queues. It acts as the majority of the nodes, which never loses a message that it has confirmed.

import { createServer } from 'node:net';
import { startManagement } from '../../../src/broker/management.ts';
import { type Broker, type InitialUser, startBroker } from '../../../src/broker/server.ts';
import type { Network } from '../world/network.ts';
import { SimulatedProcess } from '../world/process.ts';
import { normalConditions, type QueueType } from './conditions.ts';
import { type ConnectionHost, RelayedConnection } from './connection.ts';

const amqpPort = 5672;
const apiPort = 15_672;
const coreHost = 'core';

interface ClusterOptions {
  /** Defaults to 60, as in RabbitMQ. */
  readonly heartbeatSeconds?: number;
  /** True if the core serves the management API. Defaults to false. */
  readonly hasApi?: boolean;
  /** The users with which the core starts. */
  readonly users?: readonly InitialUser[];
}

export class Cluster {
  readonly nodes: readonly Node[];
  readonly network: Network;
  /** `undefined` until the core has started. */
  broker: Broker | undefined;

  constructor(network: Network) {
    this.network = network;
    this.nodes = ['n1', 'n2', 'n3'].map((name) => new Node(this, name));
  }

  /** The management API, which no fault of a node hits. */
  get managementUrl(): string {
    return `http://${coreHost}:${apiPort}`;
  }

  /** Returns the addresses of all nodes, separated by commas. The one with this index is the first. */
  urlFrom(first: number): string {
    const start = first % this.nodes.length;
    return [...this.nodes.slice(start), ...this.nodes.slice(0, start)].map(({ name }) => `amqp://${name}`).join(',');
  }

  /** The machines on which clients run. */
  get clientHosts(): string[] {
    const own = [coreHost, ...this.nodes.map(({ name }) => name)];
    return [...this.network.hosts.keys()].filter((host) => !own.includes(host));
  }

  start({ heartbeatSeconds = 60, hasApi = false, users }: ClusterOptions = {}): this {
    const { network } = this;
    new SimulatedProcess(network, { name: coreHost, host: coreHost }).start(async () => {
      this.broker = await startBroker({ port: amqpPort, heartbeatSeconds, ...(users && { users }) });
      if (hasApi) await startManagement(this.broker, { host: coreHost, port: apiPort });
      return new Promise(() => undefined);
    });
    for (const node of this.nodes) node.start();
    return this;
  }
}

export class Node implements ConnectionHost {
  readonly name: string;
  readonly core = { host: coreHost, port: amqpPort };
  readonly connections = new Set<RelayedConnection>();
  conditions = normalConditions();
  readonly #cluster: Cluster;
  #process: SimulatedProcess | undefined;
  #server: ReturnType<typeof createServer> | undefined;

  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.name = name;
  }

  get random() {
    return this.#cluster.network.world.random;
  }

  get isRunning(): boolean {
    return this.#process?.isAlive === true;
  }

  get isListening(): boolean {
    return this.#server?.listening === true;
  }

  /** Starts the node, unless it runs. */
  start(): void {
    if (this.isRunning) return;
    this.connections.clear();
    this.conditions = { ...normalConditions(), isAlarmed: this.conditions.isAlarmed };
    this.#server = undefined;
    this.#process = new SimulatedProcess(this.#cluster.network, { name: this.name, host: this.name });
    this.#process.start(() => {
      this.listen();
      return new Promise(() => undefined);
    });
  }

  kill(): void {
    this.#process?.kill();
  }

  /** Stops the node for some time, as SIGSTOP does. */
  freeze(ms: number): void {
    this.#process?.freeze(ms);
  }

  /** Runs code as the node, when the node runs. */
  do(run: () => void): void {
    if (this.#process) this.#cluster.network.world.after(0, run, this.#process);
  }

  /** Accepts connections. */
  listen(): void {
    if (this.#server?.listening) return;
    this.#server = createServer((socket) => this.connections.add(new RelayedConnection(this, socket)));
    this.#server.listen(amqpPort);
  }

  /** Refuses new connections. */
  stopListening(): void {
    this.#server?.close();
  }

  exists(vhost: string, name: string): boolean {
    const { queues, exchanges } = this.#cluster.broker?.vhosts.get(vhost) ?? {};
    return queues?.has(name) === true || exchanges?.has(name) === true;
  }

  typeOf(vhost: string, name: string): QueueType | undefined {
    const queue = this.#cluster.broker?.vhosts.get(vhost)?.queues.get(name);
    if (queue === undefined || queue.isAutoDelete || queue.owner !== undefined) return undefined;
    const { type } = queue.settings;
    return type === 'stream' ? undefined : type;
  }

  remove(connection: RelayedConnection): void {
    this.connections.delete(connection);
  }
}
