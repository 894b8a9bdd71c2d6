// The embedded AMQP 0-9-1 broker. It listens for connections and owns their shared state.
// It refuses the flag `immediate` of basic.publish (540) and SASL mechanisms other than PLAIN, AMQPLAIN and EXTERNAL (503). It
// has no clusters, and no time limit for unacknowledged deliveries. In two respects it behaves like RabbitMQ 4.0 and not 4.3:
// it accepts transient queues that are not exclusive, and it applies basic.qos with `global` to the whole channel.

import type { Socket } from 'node:net';
import { MqError } from '../errors.ts';
import { time } from '../time.ts';
import { type Clock, systemClock } from './clock.ts';
import type { BrokerState } from './connection/broker-state.ts';
import type { Connection } from './connection/connection.ts';
import { EndOfTick } from './connection/end-of-tick.ts';
import type { CertificateName, LoginRules } from './connection/handshake.ts';
import { Replies } from './connection/reply-to.ts';
import { type ChurnCounters, churnCounters } from './counters.ts';
import type { Interference } from './interference.ts';
import { isLoopback } from './loopback.ts';
import { loadPatterns } from './patterns.ts';
import { Memory } from './queue/memory.ts';
import { type AmqpServer, openAmqpServer, type TlsOptions } from './server/amqp-server.ts';
import { ClientConnections } from './server/connections.ts';
import { Slices } from './slices.ts';
import type { Store } from './store/contract.ts';
import { addInitialUsers, type InitialUser, patternsOfUsers } from './vhost/initial-users.ts';
import { markClosed, markOpen, patternsOf, recover } from './vhost/recovery.ts';
import { defaultLogin, Users } from './vhost/users.ts';
import type { VirtualHost } from './vhost/vhost.ts';
import { Vhosts } from './vhost/vhosts.ts';

export { passwordOfHash } from './vhost/password.ts';
export type { InitialUser };

export interface BrokerOptions {
  /** Defaults to 127.0.0.1. */
  host?: string;
  /** Defaults to 0, which selects a free port. */
  port?: number;
  /** The port uses TLS if it is set. */
  tls?: TlsOptions;
  /** TLS uses this port, and `port` uses plain TCP. 0 selects a free port. */
  tlsPort?: number;
  /**
   * With `tls.ca`: EXTERNAL uses this part of a client certificate as the name of the user. Defaults to
   * `distinguished_name`, as in RabbitMQ.
   */
  certificateName?: CertificateName;
  /** `true` accepts passwords over TLS only. */
  passwordsNeedTls?: boolean;
  /** Defaults to the administrator guest with the password guest. */
  users?: readonly InitialUser[];
  /** `true` removes all other users of the store. Defaults to `false`. */
  hasOnlyTheseUsers?: boolean;
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
  /** Simulates faults. Only tests set it. */
  interference?: Interference;
}

export interface Broker {
  readonly host: string;
  readonly port: number;
  /** The AMQP URL without a password. It contains the name of the first user, unless that name is `guest`. */
  readonly url: string;
  /** The AMQP URL with TLS, if TLS has a port of its own. */
  readonly tlsUrl: string | undefined;
  readonly version: string;
  /** The name that a user has set. Otherwise each start generates a name such as `mq-1f6a2c3e`. */
  readonly clusterName: string;
  /** The certificate in PEM. `undefined` if no port uses TLS. */
  readonly certificate: Buffer | undefined;
  /** The ports for AMQP. */
  readonly listeners: readonly Pick<AmqpServer, 'port' | 'isTls'>[];
  readonly login: LoginRules;
  /** Time of the start, by `clock.now`. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly churn: ChurnCounters;
  readonly users: Users;
  readonly log: (line: string) => void;
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
const defaultUsers: readonly InitialUser[] = [{ ...defaultLogin, tags: ['administrator'] }];

/**
 * Starts a broker. It accepts connections when the promise resolves. Throws MqError SYSTEM if it cannot listen, and MqError
 * USAGE if other machines could log in with the default password.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { store, users = [] } = options;
  await loadPatterns([...patternsOfUsers(users), ...(store ? patternsOf(store.recovered.definitions) : [])]);
  const broker = new EmbeddedBroker(options);
  await broker.listen(options);
  await markOpen(store);
  return broker;
}

class EmbeddedBroker implements Broker {
  readonly host: string;
  listeners: readonly AmqpServer[] = [];
  readonly certificate: Buffer | undefined;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly churn = churnCounters();
  readonly users: Users;
  readonly log: (line: string) => void;
  readonly memory: Memory;
  readonly store: Store | undefined;
  readonly #firstUser: string | undefined;
  readonly #slices = new Slices();
  readonly #vhosts: Vhosts;
  readonly #connections = new ClientConnections(this.churn);
  readonly #state: BrokerState;
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
    this.log = log;
    this.#firstUser = users[0]?.name;
    this.memory = new Memory(options.memoryLimitBytes ?? defaultMemoryBytes, (isHigh) => {
      log(isHigh ? 'memory limit reached: publishers are blocked' : 'memory below its limit: publishers resume');
      this.#connections.block(isHigh);
    });
    const shared = { clock, memory: this.memory, slices: this.#slices, store, log, churn: this.churn };
    this.#vhosts = new Vhosts(shared, this.users);
    this.#state = this.#newState(options, log);
    if (store !== undefined) recover(store, { vhosts: this.#vhosts, users: this.users, log });
    if (options.hasOnlyTheseUsers === true) this.#removeOthers(users, log);
    this.#addUsers(users);
    this.#vhosts.enforceLimits();
  }

  get port(): number {
    return this.listeners[0]?.port ?? 0;
  }

  get url(): string {
    return this.#urlOf(this.listeners[0]);
  }

  get tlsUrl(): string | undefined {
    const own = this.listeners[1];
    return own && this.#urlOf(own);
  }

  get login(): LoginRules {
    return this.#state.login;
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

  async listen({ port = 0, tls, tlsPort }: BrokerOptions): Promise<void> {
    const { host } = this;
    const events = {
      onSocket: (socket: Socket) => this.#connections.track(socket),
      accept: (socket: Socket) => this.#connections.accept(socket, this.#state),
      log: this.#state.log,
    };
    const first = await openAmqpServer({ host, port, tls: tlsPort === undefined ? tls : undefined }, events);
    this.listeners = [first];
    if (tls === undefined || tlsPort === undefined) return;
    try {
      this.listeners = [first, await openAmqpServer({ host, port: tlsPort, tls }, events)];
    } catch (error) {
      await this.close();
      throw error;
    }
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
      interference: options.interference,
      clusterName: typeof clusterName === 'string' ? clusterName : `mq-${time.randomUUID().slice(0, 8)}`,
      login: {
        certificateName: options.tls?.ca === undefined ? undefined : (options.certificateName ?? 'distinguished_name'),
        passwordsNeedTls: options.passwordsNeedTls ?? false,
      },
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

  #urlOf(listener: AmqpServer | undefined): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `amqp${listener?.isTls ? 's' : ''}://${userPart(this.#firstUser)}${host}:${listener?.port ?? 0}`;
  }

  #removeOthers(users: readonly InitialUser[], log: (line: string) => void): void {
    const kept = new Set(users.map(({ name }) => name));
    const others = [...this.users.all.keys()].filter((name) => !kept.has(name));
    for (const name of others) this.users.remove(name);
    if (others.length > 0) log(`removed users that the users file does not list: ${others.join(', ')}`);
  }

  #addUsers(users: readonly InitialUser[]): void {
    for (const user of users) this.users.put(user);
    const [weak] = isLoopback(this.host) ? [] : this.users.withDefaultPassword();
    if (weak !== undefined) throw defaultPassword(weak, this.host);
    addInitialUsers(users, { users: this.users, vhosts: this.#vhosts });
  }

  async #close(): Promise<void> {
    const closed = Promise.all(this.listeners.map((one) => one.close()));
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
