// The broker of a simulation: an embedded broker in memory, one with a store on a simulated disk that is killed and loses
// power, or the model of a RabbitMQ cluster.

import { startManagement } from '../../src/broker/management.ts';
import { type Broker, type InitialUser, startBroker } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';
import { defaultLogin } from '../../src/broker/vhost/users.ts';
import { type DiskError, SimulatedDisk, type SimulatedDiskParts } from './disk.ts';
import { vhostsOf } from './lanes.ts';
import { Cluster } from './rabbitmq/cluster.ts';
import { Settlements } from './settlements.ts';
import type { Simulation } from './simulation.ts';
import { SimulatedProcess } from './world/process.ts';

export const brokerKinds = ['memory', 'disk', 'cluster'] as const;
export type BrokerKind = (typeof brokerKinds)[number];

/** Milliseconds after which a service manager starts the broker again. */
const restartMs = 500;
const host = 'b0';
/** Port of the management API. */
export const apiPort = 15_672;
const folder = '/data';

export class SimulatedBroker {
  /** The nodes of the cluster. `undefined` for an embedded broker. */
  readonly cluster: Cluster | undefined;
  /** The process of an embedded broker. */
  process: SimulatedProcess | undefined;
  /** Number of ends. A full disk ends the broker again and again. */
  ends = 0;
  /** Bytes that the disk can hold. */
  diskBytes = Number.POSITIVE_INFINITY;
  /** Longest time of an operation of the disk in milliseconds. */
  diskMs = 1;
  /** Error of the next operation that writes. */
  nextError: DiskError | undefined;
  #current: Broker | undefined;
  readonly #simulation: Simulation;
  readonly #isDurable: boolean;
  #disk: SimulatedDisk | undefined;
  #isPowerLoss = false;
  readonly #settlements: Settlements;

  constructor(simulation: Simulation, kind: BrokerKind) {
    this.#simulation = simulation;
    this.#settlements = new Settlements(simulation.world);
    this.#isDurable = kind === 'disk';
    if (kind === 'cluster') this.cluster = new Cluster(simulation.network);
    if (this.#isDurable) this.#disk = new SimulatedDisk(this.#parts());
  }

  /** The broker. `undefined` while it is not running. */
  get current(): Broker | undefined {
    return this.cluster ? this.cluster.broker : this.#current;
  }

  /** True if clients can connect to it, or to each node of the cluster. */
  get isListening(): boolean {
    return this.current !== undefined && (this.cluster?.nodes.every(({ isListening }) => isListening) ?? true);
  }

  get hosts(): readonly string[] {
    return this.cluster?.nodes.map(({ name }) => name) ?? [host];
  }

  /** Returns the addresses for the client with this index. */
  urlOf(index: number): string {
    return this.cluster?.urlFrom(index) ?? `amqp://${host}:5672`;
  }

  /** Variables with the address of the management API. */
  get apiEnvironment(): Readonly<Record<string, string>> {
    return this.cluster ? { MQ_MANAGEMENT_URL: this.cluster.managementUrl } : {};
  }

  start(): void {
    const { network, plan, world, errors } = this.#simulation;
    const hasApi = plan.replacement !== undefined || plan.api !== undefined;
    const users = usersOf(vhostsOf(plan));
    if (this.cluster) return void this.cluster.start({ heartbeatSeconds: plan.heartbeat, hasApi, users });
    const started = new SimulatedProcess(network, { name: 'broker', host });
    this.process = started;
    started.onEnd(() => {
      this.#current = undefined;
      this.ends += 1;
      if (this.#disk) this.#disk = this.#isPowerLoss ? this.#disk.crash(this.#parts()) : this.#disk.kill(this.#parts());
      this.#isPowerLoss = false;
      world.later(restartMs, () => this.start());
    });
    started.start(async () => {
      const failed = Promise.withResolvers<number>();
      // `mq broker` ends with this status when its store has failed.
      const onFailed = () => failed.resolve(74);
      try {
        const store = this.#disk && (await this.#openStore(this.#disk, { pid: started.pid, onFailed }));
        if (store) errors.push(...this.#settlements.observe(store, started));
        const broker = await startBroker({
          ...{ port: 5672, heartbeatSeconds: plan.heartbeat, users },
          ...(store && { store }),
        });
        if (hasApi) await startManagement(broker, { host, port: apiPort });
        if (started.isAlive) this.#current = broker;
      } catch (error) {
        if (!(error instanceof Error) || !('code' in error) || error.code === 'BAD_DATA') throw error;
        return 74;
      }
      return failed.promise;
    });
  }

  /** Runs code as the broker. */
  run(code: (broker: Broker) => void): void {
    this.#simulation.world.after(0, () => this.current && code(this.current), this.process);
  }

  /** Ends the broker after a number of its events. */
  end(events: number, { isPowerLoss }: { isPowerLoss: boolean }): void {
    const { process } = this;
    if (process) this.#simulation.world.afterEvents(process, events, () => this.#kill(process, isPowerLoss));
  }

  /** Ends the broker inside an event, before or after one of its effects. */
  endAtEffect(effects: number, { isPowerLoss, when }: { isPowerLoss: boolean; when: 'begun' | 'ended' }): void {
    const { process } = this;
    if (!process) return;
    this.#simulation.world.afterEffects(process, effects, { when, run: () => this.#kill(process, isPowerLoss) });
  }

  #kill(process: SimulatedProcess, isPowerLoss: boolean): void {
    if (!process.isAlive) return;
    this.#isPowerLoss = isPowerLoss;
    process.kill();
  }

  #openStore(disk: SimulatedDisk, { pid, onFailed }: { pid: number; onFailed: () => void }) {
    const { plan, world } = this.#simulation;
    return openStore(folder, {
      ...{ pid, isAlive: () => false, host, disk, onFailed },
      segmentBytes: plan.store.segmentBytes,
      slackBytes: plan.store.slackBytes,
      log: (line) => world.trace.add(world.now, line),
    });
  }

  #parts(): SimulatedDiskParts {
    const { world } = this.#simulation;
    const { random } = world;
    return {
      random,
      // A broker that ends here has begun the operation, which then happens or not.
      wait: () =>
        this.#settlements.during(
          new Promise((resolve) =>
            world.effect(this.process, () => void world.after((this.diskMs * random.below(1000)) / 1000, resolve)),
          ),
        ),
      faults: {
        capacity: () => this.diskBytes,
        errorOf: ({ name }) => {
          if (this.nextError === undefined || !writing.has(name)) return undefined;
          const error = this.nextError;
          this.nextError = undefined;
          return error;
        },
      },
    };
  }
}

/** Returns the users of a start. Their permissions create the virtual hosts before the broker listens. */
function usersOf(vhosts: readonly string[]): InitialUser[] {
  const permissions = vhosts.map((vhost) => ({ vhost, configure: '.*', write: '.*', read: '.*' }));
  return [{ ...defaultLogin, tags: ['administrator'], permissions }];
}

const writing = new Set<string>([
  'writev',
  'datasync',
  'sync',
  'openLog',
  'createFile',
  'unlink',
  'syncFolder',
  'rename',
]);
