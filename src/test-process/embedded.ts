// The target of a test file on the embedded broker: in memory, in the file's process, with a clock that tests can
// advance. Its port opens at once. The broker and the topology of rascal.json are created when a test first uses the
// broker, so that a file that does not use it does not wait.

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { MovableClock } from '../harness/clock.ts';
import type { EmbeddedPlan, FileTarget, FixtureClient, VhostContent } from '../harness/target.ts';
import { BrokerOnDemand } from './broker-on-demand.ts';
import { contentOf, purgeQueues, waitForRoles } from './broker-state.ts';
import { ContractWatch } from './contract-watch.ts';
import { type FileContext, launchOf } from './file-context.ts';
import { RoleFaults } from './role-faults.ts';

/** Opens the port of the target. */
export async function openEmbedded(plan: EmbeddedPlan, context: FileContext): Promise<FileTarget> {
  const clock = new MovableClock();
  const contracts = new ContractWatch();
  const faults: RoleFaults = new RoleFaults({
    contracts,
    state: () => broker.state,
    open: () => broker.opened(),
    definedQueues: () => broker.definedQueues,
    chaos: plan.chaos,
  });
  const broker = new BrokerOnDemand({ plan, context, clock, contracts, interference: faults });
  const listener = new Listener((socket) => broker.accept(socket));
  await listener.open();
  // Only mq's own suites use the management API, and they need its port.
  if (plan.self) await broker.opened();
  return new EmbeddedTarget({ broker, clock, faults, listener, launch: launchOf(plan, context) });
}

interface Parts {
  readonly broker: BrokerOnDemand;
  readonly clock: MovableClock;
  readonly faults: RoleFaults;
  readonly listener: Listener;
  readonly launch: FileTarget['launch'];
}

class EmbeddedTarget implements FileTarget {
  readonly kind = 'embedded';
  readonly cluster = undefined;
  readonly faults: RoleFaults;
  readonly launch: FileTarget['launch'];
  readonly urls: readonly string[];
  readonly vhost: string;
  readonly managementUrls: readonly string[];
  readonly #broker: BrokerOnDemand;
  readonly #clock: MovableClock;
  readonly #listener: Listener;

  constructor({ broker, clock, faults, listener, launch }: Parts) {
    this.faults = faults;
    this.launch = launch;
    this.urls = [broker.urlAt(listener.port)];
    this.vhost = broker.vhost;
    this.managementUrls = broker.managementUrls;
    this.#broker = broker;
    this.#clock = clock;
    this.#listener = listener;
  }

  advance(milliseconds: number, withinMs: number): Promise<void> {
    return this.#clock.advance(milliseconds, async () => {
      const { state } = this.#broker;
      if (state !== undefined && withinMs > 0) await waitForRoles(state, withinMs, () => this.faults.pending());
    });
  }

  purge(): Promise<void> | undefined {
    const { state } = this.#broker;
    this.faults.release();
    return state && purgeQueues(state);
  }

  async queues(): Promise<readonly string[]> {
    return this.#broker.definedQueues;
  }

  async content(): Promise<VhostContent> {
    return contentOf(this.#broker.state);
  }

  async client(): Promise<FixtureClient> {
    await this.faults.checked();
    return this.#broker.client();
  }

  async close(): Promise<void> {
    const closed = this.#listener.stop();
    try {
      await this.#broker.close();
    } finally {
      this.#listener.destroySockets();
      await closed;
    }
  }
}

/** Accepts connections on a free port and passes them on. */
class Listener {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(accept: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      // A client may close the connection while the broker starts.
      socket.on('error', () => undefined);
      accept(socket);
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Accepts no more connections. Resolves when the last one is closed. */
  stop(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
