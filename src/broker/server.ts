// The embedded AMQP 0-9-1 broker. What RabbitMQ has and this one has not: streams (refused, 406), mechanisms other than PLAIN
// and AMQPLAIN (503), basic.publish with immediate (540), clusters, and the time limit of an unacknowledged delivery. What RabbitMQ 4.3 refuses or ignores, and this one does as 4.0: queues that
// are neither durable nor exclusive, basic.qos with global.

import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { MqError, systemReason } from '../errors.ts';
import { type Clock, systemClock } from './clock.ts';
import type { BrokerState } from './connection/broker-state.ts';
import { Connection, type ConnectionEvents } from './connection/connection.ts';
import { EndOfTick } from './connection/end-of-tick.ts';
import { Replies } from './connection/reply-to.ts';
import { type ChurnCounters, churnCounters } from './counters.ts';
import { isLoopback } from './loopback.ts';
import { loadPatterns } from './patterns.ts';
import { Memory } from './queue/memory.ts';
import { Slices } from './slices.ts';
import type { Store } from './store/contract.ts';
import { markClosed, markOpen, patternsOf, recover } from './vhost/recovery.ts';
import { defaultLogin, Users } from './vhost/users.ts';
import { VirtualHost } from './vhost/vhost.ts';

export interface BrokerOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any that is free. */
  port?: number;
  /** Then the port speaks TLS. */
  tls?: { cert: Buffer; key: Buffer };
  /** Default: guest, with the password guest, an administrator. */
  users?: readonly { name: string; password: string; tags?: string[] }[];
  /** Default: everything is in memory only. */
  store?: Store;
  /** Above so many bytes in queues publishers are blocked. Default 1 GiB. */
  memoryLimitBytes?: number;
  /** Default 60. */
  heartbeatSeconds?: number;
  /** Default 131072. */
  frameMax?: number;
  /** Default 2047. */
  channelMax?: number;
  /** Of mq, for clients and the management. */
  version?: string;
  log?: (line: string) => void;
  /** Of queues and messages; handshakes and heartbeats go by the system's. */
  clock?: Clock;
  /** What times handshakes, heartbeats and closes; another than that of queues, which a test may set forward. */
  connectionClock?: Clock;
}

export interface Broker {
  readonly host: string;
  readonly port: number;
  /** Without a password; with the first user's name, unless clients take guest for granted. */
  readonly url: string;
  readonly version: string;
  /** Unique to this start of a broker, unless a user has set it: `mq-1f6a2c3e`. */
  readonly clusterName: string;
  /** The PEM file of TLS; undefined: the port speaks no TLS. */
  readonly certificate: Buffer | undefined;
  /** By `clock.now`. */
  readonly startedAt: number;
  readonly clock: Clock;
  readonly churn: ChurnCounters;
  readonly users: Users;
  readonly memory: Memory;
  /** undefined: everything is in memory only. */
  readonly store: Store | undefined;
  readonly vhosts: ReadonlyMap<string, VirtualHost>;
  /** Those that came through the handshake. */
  readonly connections: ReadonlySet<Connection>;
  /** The store keeps the name. */
  setClusterName(name: string): void;
  /** The one that is there, or a new one. All users with the tag administrator may do all in it. */
  addVhost(name: string): VirtualHost;
  /** Closes its connections. Resolves when it is gone with all that it held; until then its name cannot be used. */
  removeVhost(name: string): Promise<void>;
  /** Serves a connection that another server has accepted; it is closed with the broker. */
  take(socket: Socket): void;
  /** Connections get 320. Resolves when all sockets are closed and the store is. */
  close(): Promise<void>;
}

/** How long clients have to say good-bye when the broker closes. */
const closeMs = 4_000;
const defaultMemoryBytes = 1024 ** 3;

/**
 * Starts a broker; it accepts connections when the promise resolves. Throws MqError: UNAVAILABLE if it cannot listen,
 * USAGE if other machines could log in with the default password.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { host = '127.0.0.1', store, clock = systemClock, version = '0.0.0', log = () => {} } = options;
  const vhosts = new Map<string, VirtualHost>();
  const users = new Users(store);
  const sockets = new Set<Socket>();
  const all = new Set<Connection>();
  const connections = new Set<Connection>();
  const memory = new Memory(options.memoryLimitBytes ?? defaultMemoryBytes, (isHigh) => {
    log(isHigh ? 'memory is short: publishers are blocked' : 'memory is free again: publishers go on');
    for (const connection of connections) connection.block(isHigh);
  });
  const named = store?.recovered.definitions.find(({ kind }) => kind === 'cluster-name');
  const churn = churnCounters();
  const slices = new Slices();
  const surroundings = { clock, memory, slices, store, log, churn };
  const state: BrokerState = {
    churn,
    clock: options.connectionClock ?? systemClock,
    limits: {
      channelMax: options.channelMax ?? 2047,
      frameMax: options.frameMax ?? 131_072,
      heartbeat: options.heartbeatSeconds ?? 60,
    },
    clusterName: named === undefined ? `mq-${randomUUID().slice(0, 8)}` : String(named.value),
    memory,
    replies: new Replies(),
    slices,
    store,
    endOfTick: new EndOfTick(),
    users,
    version,
    vhosts,
    log,
  };
  const events: ConnectionEvents = {
    onOpen: (connection) => {
      connections.add(connection);
      churn.connection_created++;
    },
    onGone: (connection) => {
      if (connections.delete(connection)) churn.connection_closed++;
      all.delete(connection);
    },
  };

  const addVhost = (name: string): VirtualHost => {
    const known = vhosts.get(name);
    if (known !== undefined) return known;
    const vhost = new VirtualHost(name, surroundings);
    vhosts.set(name, vhost);
    store?.define({ kind: 'vhost', key: name, value: { name } });
    for (const user of users.all.values()) {
      if (user.tags.includes('administrator')) users.allow(user.name, name, everything);
    }
    return vhost;
  };
  const removals = new Map<string, Promise<void>>();
  const removeVhost = async (name: string): Promise<void> => {
    const vhost = vhosts.get(name);
    if (vhost === undefined) return removals.get(name);
    vhosts.delete(name);
    for (const user of users.all.values()) users.forbid(user.name, name);
    // Recovery removes what belongs to no virtual host, if the broker ends before the work does.
    store?.undefine('vhost', name);
    for (const connection of all) if (connection.vhost === vhost) connection.close(`vhost '${name}' is deleted`);
    const removal = new Promise<void>((done) => slices.run(vhost.removed(), done));
    removals.set(name, removal);
    await removal;
    removals.delete(name);
  };

  if (store !== undefined) await loadPatterns(patternsOf(store.recovered.definitions));
  if (store !== undefined) recover(store.recovered, { vhosts, users, surroundings });
  const given = options.users ?? [{ ...defaultLogin, tags: ['administrator'] }];
  for (const user of given) users.put(user);
  const [weak] = isLoopback(host) ? [] : users.withDefaultPassword();
  if (weak !== undefined) throw defaultPassword(weak, host);
  addVhost('/');
  for (const { name } of given) {
    for (const vhost of vhosts.keys()) {
      if (users.all.get(name)?.permissions.has(vhost) === false) users.allow(name, vhost, everything);
    }
  }
  for (const vhost of vhosts.values()) for (const queue of vhost.queues.values()) queue.enforceLimits();

  const take = (socket: Socket) => void all.add(new Connection(socket, state, events));
  // Loaded where it is asked for: it would take as long as all the rest of the start.
  // A client may end its side while what it sent is still being read.
  const half = { allowHalfOpen: true };
  const server =
    options.tls === undefined
      ? createServer(half, take)
      : (await import('node:tls')).createServer({ ...options.tls, ...half }, take);
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  };
  // With TLS these are there before the handshake is.
  server.on('connection', track);
  await listen(server, { host, port: options.port ?? 0, log });
  await markOpen(store);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const scheme = options.tls === undefined ? 'amqp' : 'amqps';
  let closing: Promise<void> | undefined;
  return {
    host,
    port,
    url: `${scheme}://${userPart(given[0]?.name)}${host.includes(':') ? `[${host}]` : host}:${port}`,
    version,
    get clusterName() {
      return state.clusterName;
    },
    certificate: options.tls?.cert,
    startedAt: clock.now(),
    clock,
    churn,
    users,
    memory,
    store,
    vhosts,
    connections,
    setClusterName: (name) => {
      state.clusterName = name;
      store?.define({ kind: 'cluster-name', key: '', value: name });
    },
    addVhost,
    removeVhost,
    take: (socket) => {
      track(socket);
      take(socket);
    },
    close: () => (closing ??= close()),
  };

  async function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of all) connection.close("broker forced connection closure with reason 'shutdown'");
    const impatience = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, closeMs);
    // Those that were taken are not the server's own.
    const gone = [...sockets].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
    await Promise.all([closed, ...gone]);
    clearTimeout(impatience);
    // What clients acknowledged must not come again after the next start.
    await slices.idle();
    for (const vhost of vhosts.values()) for (const queue of vhost.queues.values()) queue.stop();
    markClosed(store);
    await store?.close();
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

const everything = { configure: '.*', write: '.*', read: '.*' };

function listen(
  server: Server,
  { host, port, log }: { host: string; port: number; log: (line: string) => void },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new MqError('UNAVAILABLE', `cannot listen on ${host}:${port}: ${systemReason(error)}`, {
          cause: error,
          ...(error.code === 'EADDRINUSE' && { hint: 'another broker may be there: take another port' }),
        }),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      // accept(2) fails when descriptors are short; those who are connected are served on.
      server.on('error', (error) => log(`a connection could not be taken: ${error.message}`));
      resolve();
    });
  });
}
