// Starts the embedded broker of a test file, with the topology of rascal.json, when it is first needed.

import type { Socket } from 'node:net';
import type { Interference } from '../broker/interference.ts';
import type { Broker } from '../broker/server.ts';
import { loadContracts } from '../contracts/contracts.ts';
import type { MovableClock } from '../harness/clock.ts';
import type { EmbeddedPlan } from '../harness/target.ts';
import type { VhostState } from './broker-state.ts';
import type { ContractWatch } from './contract-watch.ts';
import type { FileContext } from './file-context.ts';
import type { SessionClient } from './session-client.ts';

interface Settings {
  readonly plan: EmbeddedPlan;
  readonly context: FileContext;
  readonly clock: MovableClock;
  readonly contracts: ContractWatch;
  readonly interference: Interference;
}

interface Opened {
  readonly broker: Broker;
  readonly client: SessionClient;
}

export class BrokerOnDemand {
  /** The vhost has a name, because an address without one uses the vhost of rascal.json. */
  readonly vhost = 'mq-test';
  /** Names of the queues of rascal.json. Empty before the start. */
  definedQueues: readonly string[] = [];
  readonly #settings: Settings;
  #opening: Promise<Opened> | undefined;
  #broker: Broker | undefined;
  #management: { readonly port: number; close(): Promise<void> } | undefined;
  /** `true` after a fixture has reported why the broker could not start. */
  #isReported = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** Content of the vhost; `undefined` before the start, or if a test has deleted the vhost. */
  get state(): VhostState | undefined {
    const vhost = this.#broker?.vhosts.get(this.vhost);
    return vhost && this.#broker && { vhost, connections: this.#broker.connections };
  }

  /** URLs of the management API. Empty except for mq's own suites, because only they start it. */
  get managementUrls(): readonly string[] {
    return this.#management === undefined ? [] : [`http://guest:guest@127.0.0.1:${this.#management.port}`];
  }

  urlAt(port: number): string {
    return `amqp://guest:guest@127.0.0.1:${port}/${this.vhost}`;
  }

  /** Starts the broker at the first call. */
  opened(): Promise<Opened> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Passes a connection to the broker, or closes the connection if the broker cannot start. */
  accept(socket: Socket): void {
    this.opened().then(
      ({ broker }) => broker.accept(socket),
      () => socket.destroy(),
    );
  }

  async client(): Promise<SessionClient> {
    try {
      return (await this.opened()).client;
    } catch (error) {
      this.#isReported = true;
      throw error;
    }
  }

  /** Closes the broker. Rejects if the broker could not start and no fixture has reported the reason. */
  async close(): Promise<void> {
    try {
      await (await this.#opening)?.client.close();
    } catch (error) {
      if (!this.#isReported) throw error;
    } finally {
      await this.#management?.close();
      await this.#broker?.close();
    }
  }

  async #open(): Promise<Opened> {
    const { plan, context, clock, contracts, interference } = this.#settings;
    const [{ startBroker }, { topologyOf }, { SessionClient }] = await Promise.all([
      import('../broker/server.ts'),
      import('./topology.ts'),
      import('./session-client.ts'),
    ]);
    const { config, queues, declare } = await topologyOf(plan, context);
    this.definedQueues = queues;
    const loaded = await loadContracts(config);
    if (loaded !== undefined) contracts.use(config, loaded);
    const broker = await startBroker({ clock, interference });
    this.#broker = broker;
    if (plan.self) this.#management = await (await import('../broker/management.ts')).startManagement(broker);
    broker.addVhost(this.vhost);
    // This uses the broker's own port, because connections to the target's port wait until this function has ended.
    const urls = [this.urlAt(broker.port)];
    await declare(urls);
    return { broker, client: new SessionClient(config, urls, { contracts: loaded }) };
  }
}
