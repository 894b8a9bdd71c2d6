// Opens a short-lived AMQP connection to find out which broker answers at an address.

import { Socket } from 'node:net';
import amqplib, { type Channel } from 'amqplib/callback_api';
import { rascalConnection } from '../config/attributes.ts';
import type { ConnectionConfig } from '../config/config.ts';
import { endpointOf } from '../config/endpoint.ts';
import { objectOf } from '../config/plain.ts';
import { redactor, secretsOf } from '../config/redact.ts';
import type { MqError } from '../errors.ts';
import { socketLogin } from '../login/socket-login.ts';
import { interruption } from '../signal.ts';
import { time } from '../time.ts';
import { failureOf } from './failure.ts';
import { refusedProperties } from './patches/handshake.ts';
import { destroyConnection, type OpenConnection, openConnectionOf } from './patches/open-connection.ts';
import { endConnections } from './patches/sockets.ts';

/** The broker at the other end of a connection. */
export interface Peer {
  /** `host:port` of the address, for messages. */
  readonly shown: string;
  /** Name of the cluster that the broker sends before the login, or `undefined` if it sends none. */
  readonly clusterName: string | undefined;
  /** `RabbitMQ`, and its version; `unknown` if the broker sends none. */
  readonly product: string;
  readonly version: string;
  readonly user: string;
  readonly vhost: string;
  readonly connectionName: string;
  /** Local port of the connection, or `undefined` if the broker refused the login or the vhost. */
  readonly localPort: number | undefined;
  /** Declares an exclusive queue whose name the broker chooses. Returns `undefined` if the broker refuses it. */
  ownQueue(): Promise<string | undefined>;
  /** Returns the current exact depths of the queues that exist and that the user may access. */
  depths(queues: readonly string[]): Promise<ReadonlyMap<string, ExactDepth>>;
  /** Closes the connection and removes what was declared. Does not reject. */
  close(): Promise<void>;
}

/** Depth of a queue. RabbitMQ does not count unacknowledged messages in the answer to a passive declaration. */
export interface ExactDepth {
  readonly ready: number;
  readonly consumers: number;
}

interface PeerSettings {
  readonly connectionName: string;
  /** Time limit for each address, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends the connecting. */
  readonly signal?: AbortSignal | undefined;
}

const closeMs = 1_000;
/** Time limit for an answer in milliseconds, because a node without a majority does not answer declarations. */
const answerMs = 3_000;

/**
 * Tries the addresses in order. A broker that refuses the login or the vhost also counts as a peer. If no address
 * answers, throws the error that a role would report, and INTERRUPTED or TERMINATED when `signal` aborts.
 */
export async function openPeer(addresses: readonly ConnectionConfig[], settings: PeerSettings): Promise<Peer> {
  const { signal, connectionName } = settings;
  if (signal === undefined) return openAny(addresses, settings);
  const ended = Promise.withResolvers<never>();
  const end = () => {
    endConnections(connectionName);
    ended.reject(interruption(signal));
  };
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([ended.promise, openAny(addresses, settings)]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function openAny(addresses: readonly ConnectionConfig[], settings: PeerSettings): Promise<Peer> {
  const redact = redactor(secretsOf({ addresses }));
  let first: MqError | undefined;
  for (const address of addresses) {
    try {
      return await connect(address, settings);
    } catch (error) {
      first ??= failureOf(error, redact);
    }
  }
  throw first ?? new Error('no address');
}

async function connect(address: ConnectionConfig, { connectionName, timeoutMs, signal }: PeerSettings): Promise<Peer> {
  const own = rascalConnection(address, { vhost: '/', connectionName, heartbeatSeconds: 10 });
  const { options: socketOptions } = await socketLogin(objectOf(own['socketOptions']));
  signal?.throwIfAborted();
  const timeout = Math.min(Number(socketOptions['timeout']), timeoutMs);
  const { user = 'guest' } = address;
  const url = { ...objectOf(own['options']), ...own, username: user };
  return new Promise((resolve, reject) => {
    amqplib.connect(url, { ...socketOptions, timeout }, (error: Error | null, accepted: unknown) => {
      const connection = accepted ? openConnectionOf(accepted) : undefined;
      const properties = connection ? connection.connection.serverProperties : refusedProperties(error);
      if (properties === undefined) return reject(error);
      connection?.on('error', () => undefined);
      const text = (key: string) => (typeof properties[key] === 'string' ? properties[key] : undefined);
      resolve(
        new AmqpPeer(connection, {
          shown: endpointOf(address),
          clusterName: text('cluster_name'),
          product: text('product') ?? 'unknown',
          version: text('version') ?? 'unknown',
          user,
          vhost: address.vhost ?? '/',
          connectionName,
        }),
      );
    });
  });
}

type PeerIdentity = Pick<Peer, 'shown' | 'clusterName' | 'product' | 'version' | 'user' | 'vhost' | 'connectionName'>;

class AmqpPeer implements Peer {
  readonly shown: string;
  readonly clusterName: string | undefined;
  readonly product: string;
  readonly version: string;
  readonly user: string;
  readonly vhost: string;
  readonly connectionName: string;
  readonly localPort: number | undefined;
  /** `undefined` if the broker refused the login or the vhost. */
  readonly #connection: OpenConnection | undefined;
  #closing: Promise<void> | undefined;
  #queue: Promise<string | undefined> | undefined;

  constructor(
    connection: OpenConnection | undefined,
    { shown, clusterName, product, version, user, vhost, connectionName }: PeerIdentity,
  ) {
    this.#connection = connection;
    this.shown = shown;
    this.clusterName = clusterName;
    this.product = product;
    this.version = version;
    this.user = user;
    this.vhost = vhost;
    this.connectionName = connectionName;
    const stream = connection?.connection.stream;
    this.localPort = stream instanceof Socket ? stream.localPort : undefined;
  }

  async ownQueue(): Promise<string | undefined> {
    if (this.#connection) this.#queue ??= declared(this.#connection);
    return this.#queue;
  }

  async depths(queues: readonly string[]): Promise<ReadonlyMap<string, ExactDepth>> {
    return this.#connection ? depthsOf(this.#connection, queues) : new Map();
  }

  async close(): Promise<void> {
    if (this.#connection) this.#closing ??= closed(this.#connection, await this.#queue);
    await this.#closing;
  }
}

function declared(connection: OpenConnection): Promise<string | undefined> {
  // RabbitMQ: the default queue type of the vhost may not support exclusive queues.
  const options = { exclusive: true, durable: false, autoDelete: true, arguments: { 'x-queue-type': 'classic' } };
  return onChannel(connection, (channel, next) => {
    channel.assertQueue('', options, (error, ok) => next(error ? undefined : ok.queue));
  });
}

/**
 * Deletes the queue before closing, because RabbitMQ deletes an exclusive queue a moment after its connection and a
 * list would still contain it.
 */
async function closed(connection: OpenConnection, queue: string | undefined): Promise<void> {
  if (queue !== undefined)
    await onChannel(connection, (channel, next) => channel.deleteQueue(queue, {}, () => next(undefined)));
  await closedInOrder(connection);
}

async function depthsOf(connection: OpenConnection, queues: readonly string[]): Promise<Map<string, ExactDepth>> {
  const found = new Map<string, ExactDepth>();
  const left = [...queues];
  // A queue that does not exist or is not accessible closes the channel. The next channel continues after it.
  while (left.length > 0) {
    const answered = await onChannel<number>(connection, (channel, next) => {
      let count = 0;
      for (const queue of left) {
        channel.checkQueue(queue, (error, ok) => {
          if (error) return next(count + 1);
          found.set(queue, { ready: ok.messageCount, consumers: ok.consumerCount });
          count += 1;
          if (count === left.length) next(count);
        });
      }
    });
    if (answered === undefined) break;
    left.splice(0, answered);
  }
  return found;
}

/**
 * Returns the value that `use` passes to `next`, and closes the channel. Returns `undefined` if there is no channel or
 * no answer in time.
 */
function onChannel<T>(
  connection: OpenConnection,
  use: (channel: Channel, next: (value: T | undefined) => void) => void,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    let used: Channel | undefined;
    let isSettled = false;
    const settle = (value: T | undefined) => {
      // A channel that closes answers all its requests.
      if (isSettled) return;
      isSettled = true;
      timer.cancel();
      connection.removeListener('close', giveUp);
      // amqplib 2.3.1 calls back before it answers a channel.close of the broker. A channel.close of ours would cross it,
      // and amqplib closes the connection when RabbitMQ answers it.
      queueMicrotask(() => {
        try {
          used?.close(() => undefined);
        } catch {
          // The broker has already closed the channel.
        }
      });
      resolve(value);
    };
    const giveUp = () => settle(undefined);
    const timer = time.after(answerMs, giveUp);
    connection.once('close', giveUp);
    try {
      connection.createChannel((failure, channel) => {
        if (failure || channel === undefined) return giveUp();
        used = channel;
        channel.on('error', () => undefined);
        use(channel, settle);
      });
    } catch {
      // amqplib throws at once if the connection is closed.
      giveUp();
    }
  });
}

// amqplib 2.3.1 does not call back a close if the connection is lost.
function closedInOrder(connection: OpenConnection): Promise<void> {
  const { stream } = connection.connection;
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve();
    const timer = time.after(closeMs, () => destroyConnection(connection));
    stream.once('close', () => {
      timer.cancel();
      resolve();
    });
    try {
      connection.close(() => stream.destroy());
    } catch {
      stream.destroy();
    }
  });
}
