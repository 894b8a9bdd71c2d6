// The embedded AMQP 0-9-1 broker. It listens for connections and owns their shared state.
// It refuses the flag `immediate` of basic.publish (540) and SASL mechanisms other than PLAIN and AMQPLAIN (503). It has no
// clusters, and no time limit for unacknowledged deliveries. In two respects it behaves like RabbitMQ 4.0 and not 4.3: it
// accepts transient queues that are not exclusive, and it applies basic.qos with `global` to the whole channel.

import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { MqError } from '../errors.ts';
import { type Clock, systemClock } from './clock.ts';
import type { BrokerState } from './connection/broker-state.ts';
import type { Connection } from './connection/connection.ts';
import { EndOfTick } from './connection/end-of-tick.ts';
import { Replies } from './connection/reply-to.ts';
import { type ChurnCounters, churnCounters } from './counters.ts';
import { isLoopback } from './loopback.ts';
import { loadPatterns } from './patterns.ts';
import { Memory } from './queue/memory.ts';
import { ClientConnections } from './server/connections.ts';
import { listen } from './server/listen.ts';
import { Slices } from './slices.ts';
import type { Store } from './store/contract.ts';
import { markClosed, markOpen, patternsOf, recover } from './vhost/recovery.ts';
import { defaultLogin, Users } from './vhost/users.ts';
import type { VirtualHost } from './vhost/vhost.ts';
import { Vhosts } from './vhost/vhosts.ts';

type InitialUsers = readonly { name: string; password: string; tags?: string[] }[];

export interface BrokerOptions {
  /** Defaults to 127.0.0.1. */
  host?: string;
  /** Defaults to 0, which selects a free port. */
  port?: number;
  /** Certificate and key in PEM. The port uses TLS if they are set. */
  tls?: { cert: Buffer; key: Buffer };
  /** Defaults to the administrator guest with the password guest. */
  users?: InitialUsers;
  /** Without a store, everything is in memory only. */
  store?: Store;
  /** Publishers are blocked while the messages in queues use more bytes than this. Defaults to 1 GiB. */
  memoryLimitBytes?: number;
  /** Defaults to 60. */
  heartbeatSeconds?: number;
  /** Defaults to 131072. */
  frameMax?: number;
  /** Defaults to 2047. */
  channelMax?: number;
  /** The version of mq in the server properties and in the management API. */
  version?: string;
  log?: (line: string) => void;
  /** The clock of queues and messages. Defaults to the system clock. */
  clock?: Clock;
  /** The clock of handshakes, heartbeats and closes. Defaults to the system clock, also if `clock` is set. */
  connectionClock?: Clock;
}

export interface Broker {
  readonly host: string;
  readonly port: number;
  /** The AMQP URL without a password. It contains the name of the first user, unless that name is `guest`. */
  readonly url: string;
  readonly version: string;
  /** The name that a user has set. Otherwise each start generates a name such as `mq-1f6a2c3e`. */
  readonly clusterName: string;
  /** The certificate in PEM. `undefined` if the port does not use TLS. */
  readonly certificate: Buffer | undefined;
  /** Time of the start, by `clock.now`. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly churn: ChurnCounters;
  readonly users: Users;
  readonly memory: Memory;
  /** `undefined` if everything is in memory only. */
  readonly store: Store | undefined;
  readonly vhosts: ReadonlyMap<string, VirtualHost>;
  /** Connections whose handshake is done. */
  readonly connections: ReadonlySet<Connection>;
  /** Changes the cluster name, and stores it if there is a store. */
  setClusterName(name: string): void;
  /** Returns the virtual host. Creates it if it does not exist, and grants administrators all permissions in it. */
  addVhost(name: string): VirtualHost;
  /** Removes the virtual host and closes its connections. Resolves when its queues and exchanges are removed, too. */
  removeVhost(name: string): Promise<void>;
  /** Serves a socket that another server has accepted. `close` closes it, too. */
  accept(socket: Socket): void;
  /** Closes all connections with 320. Resolves when all sockets and the store are closed. */
  close(): Promise<void>;
}

const defaultMemoryBytes = 1024 ** 3;
const defaultUsers: InitialUsers = [{ ...defaultLogin, tags: ['administrator'] }];

/**
 * Starts a broker. It accepts connections when the promise resolves. Throws MqError SYSTEM if it cannot listen, and MqError
 * USAGE if other machines could log in with the default password.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { store } = options;
  if (store !== undefined) await loadPatterns(patternsOf(store.recovered.definitions));
  const broker = new EmbeddedBroker(options);
  await broker.listen(options);
  await markOpen(store);
  return broker;
}

class EmbeddedBroker implements Broker {
  readonly host: string;
  port = 0;
  readonly certificate: Buffer | undefined;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly churn = churnCounters();
  readonly users: Users;
  readonly memory: Memory;
  readonly store: Store | undefined;
  readonly #firstUser: string | undefined;
  readonly #slices = new Slices();
  readonly #vhosts: Vhosts;
  readonly #connections = new ClientConnections(this.churn);
  readonly #state: BrokerState;
  #server: Server | undefined;
  #closed: Promise<void> | undefined;

  /** Recovers the definitions and messages of the store, and adds the users of the options and the virtual host `/`. */
  constructor(options: BrokerOptions) {
    const { host = '127.0.0.1', users = defaultUsers, store, clock = systemClock, log = () => {} } = options;
    this.host = host;
    this.certificate = options.tls?.cert;
    this.clock = clock;
    this.startedAt = clock.now();
    this.store = store;
    this.users = new Users(store);
    this.#firstUser = users[0]?.name;
    this.memory = new Memory(options.memoryLimitBytes ?? defaultMemoryBytes, (isHigh) => {
      log(isHigh ? 'memory limit reached: publishers are blocked' : 'memory below its limit: publishers resume');
      this.#connections.block(isHigh);
    });
    const shared = { clock, memory: this.memory, slices: this.#slices, store, log, churn: this.churn };
    this.#vhosts = new Vhosts(shared, this.users);
    this.#state = this.#newState(options, log);
    if (store !== undefined) recover(store, { vhosts: this.#vhosts, users: this.users, log });
    this.#addUsers(users);
    this.#vhosts.enforceLimits();
  }

  get url(): string {
    const scheme = this.certificate === undefined ? 'amqp' : 'amqps';
    return `${scheme}://${userPart(this.#firstUser)}${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }

  get version(): string {
    return this.#state.version;
  }

  get clusterName(): string {
    return this.#state.clusterName;
  }

  get vhosts(): ReadonlyMap<string, VirtualHost> {
    return this.#vhosts.all;
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections.open;
  }

  setClusterName(name: string): void {
    this.#state.clusterName = name;
    this.store?.define({ kind: 'cluster-name', key: '', value: name });
  }

  addVhost(name: string): VirtualHost {
    return this.#vhosts.add(name);
  }

  removeVhost(name: string): Promise<void> {
    return this.#vhosts.remove(name, (vhost) => this.#connections.closeVhost(vhost));
  }

  async listen({ port = 0, tls }: BrokerOptions): Promise<void> {
    const accept = (socket: Socket) => this.#connections.accept(socket, this.#state);
    // A client may end its side of the connection before the broker has read everything that the client sent.
    const half = { allowHalfOpen: true };
    // node:tls is loaded only if it is needed, because loading it is as slow as the rest of the start.
    const server =
      tls === undefined
        ? createServer(half, accept)
        : (await import('node:tls')).createServer({ ...tls, ...half }, accept);
    // With TLS, this event comes before the TLS handshake.
    server.on('connection', (socket: Socket) => this.#connections.track(socket));
    // accept(2) fails when file descriptors run out. The open connections still work.
    const onError = (error: Error) => this.#state.log(`cannot accept a connection: ${error.message}`);
    this.port = await listen(server, { host: this.host, port }, onError);
    this.#server = server;
  }

  accept(socket: Socket): void {
    this.#connections.track(socket);
    this.#connections.accept(socket, this.#state);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #newState(options: BrokerOptions, log: (line: string) => void): BrokerState {
    const definitions = options.store?.recovered.definitions ?? [];
    const clusterName = definitions.find(({ kind }) => kind === 'cluster-name')?.value;
    return {
      churn: this.churn,
      clock: options.connectionClock ?? systemClock,
      limits: {
        channelMax: options.channelMax ?? 2047,
        frameMax: options.frameMax ?? 131_072,
        heartbeat: options.heartbeatSeconds ?? 60,
      },
      clusterName: typeof clusterName === 'string' ? clusterName : `mq-${randomUUID().slice(0, 8)}`,
      memory: this.memory,
      replies: new Replies(),
      slices: this.#slices,
      store: options.store,
      endOfTick: new EndOfTick(),
      users: this.users,
      version: options.version ?? '0.0.0',
      vhosts: this.#vhosts.all,
      log,
    };
  }

  #addUsers(users: InitialUsers): void {
    for (const user of users) this.users.put(user);
    const [weak] = isLoopback(this.host) ? [] : this.users.withDefaultPassword();
    if (weak !== undefined) throw defaultPassword(weak, this.host);
    this.#vhosts.add('/');
    for (const { name } of users) this.#vhosts.allow(name);
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
    await this.#connections.close();
    await closed;
    // Received acknowledgements are still processed. Otherwise the next start would deliver these messages again.
    await this.#slices.idle();
    this.#vhosts.stop();
    markClosed(this.store);
    await this.store?.close();
  }
}

function defaultPassword(user: string, host: string): MqError {
  return new MqError('USAGE', `refusing to listen on ${host}: the user '${user}' has the default password`, {
    hint: `start on 127.0.0.1 with a management port, and run mq admin delete user ${user} or change the password`,
  });
}

function userPart(name: string | undefined): string {
  return name === undefined || name === 'guest' ? '' : `${encodeURIComponent(name)}@`;
}
