// One short AMQP connection, opened to learn which broker answers at an address.

import amqplib, { type Connection } from 'amqplib/callback_api';
import { rascalConnection } from '../config/attributes.ts';
import type { ConnectionConfig } from '../config/config.ts';
import { objectOf } from '../config/plain.ts';
import { redactor, secretsOf } from '../config/redact.ts';
import type { MqError } from '../errors.ts';
import { failureOf } from './failure.ts';
import { refusedProperties } from './handshake.ts';

/** The broker at the other end of a connection. */
export interface Peer {
  /** `host:port` of the address, for people. */
  readonly shown: string;
  /** What the broker calls its cluster before it knows who connects; undefined if it does not say it. */
  readonly clusterName: string | undefined;
  readonly user: string;
  readonly vhost: string;
  readonly connectionName: string;
  /** The local port of the connection; undefined if the broker refused the login or the vhost. */
  readonly localPort: number | undefined;
  /** Declares a queue that the broker names and that goes with the connection. Undefined if the broker refuses it. */
  ownQueue(): Promise<string | undefined>;
  /** Ends the connection. Does not reject. */
  close(): Promise<void>;
}

interface PeerSettings {
  readonly connectionName: string;
  /** Milliseconds that one address may take to answer. */
  readonly timeoutMs: number;
  /** PEM of the authorities, for addresses that name none. */
  readonly ca?: string | undefined;
}

const closeMs = 1_000;
/** A node without a majority answers no declaration. */
const declareMs = 3_000;

/**
 * Tries the addresses in their order. A broker that refuses the login or the vhost is a peer as well.
 * Throws what a role reports if no address answers.
 */
export async function openPeer(addresses: readonly ConnectionConfig[], settings: PeerSettings): Promise<Peer> {
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

function connect(address: ConnectionConfig, { connectionName, timeoutMs, ca }: PeerSettings): Promise<Peer> {
  const attributes = rascalConnection(address, { vhost: '/', connectionName, heartbeatSeconds: 10 });
  const socketOptions = objectOf(attributes['socketOptions']);
  const timeout = Math.min(Number(socketOptions['timeout']), timeoutMs);
  const url = { ...objectOf(attributes['options']), ...attributes, username: attributes['user'] };
  const { hostname = 'localhost', user = 'guest' } = address;
  const shown = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${attributes['port']}`;
  return new Promise((resolve, reject) => {
    amqplib.connect(url, { ...(ca !== undefined && { ca }), ...socketOptions, timeout }, (error, connection) => {
      const properties = connection ? connection.connection.serverProperties : refusedProperties(error);
      if (properties === undefined) return reject(error);
      connection?.on('error', () => undefined);
      const name = properties['cluster_name'];
      let closing: Promise<void> | undefined;
      resolve({
        shown,
        clusterName: typeof name === 'string' ? name : undefined,
        user,
        vhost: address.vhost ?? '/',
        connectionName,
        localPort: (connection?.connection.stream as { localPort?: number } | undefined)?.localPort,
        ownQueue: async () => connection && declared(connection),
        close: async () => {
          if (connection) closing ??= closed(connection);
          await closing;
        },
      });
    });
  });
}

function declared(connection: Connection): Promise<string | undefined> {
  // RabbitMQ: the default type of the vhost may be one that cannot be exclusive.
  const options = { exclusive: true, durable: false, autoDelete: true, arguments: { 'x-queue-type': 'classic' } };
  return new Promise((resolve) => {
    const settle = (queue?: string) => {
      clearTimeout(timer);
      resolve(queue);
    };
    const giveUp = () => settle();
    const timer = setTimeout(giveUp, declareMs);
    connection.once('close', giveUp);
    connection.createChannel((failure, channel) => {
      if (failure || channel === undefined) return giveUp();
      channel.on('error', giveUp);
      channel.assertQueue('', options, (error, ok) => settle(error ? undefined : ok.queue));
    });
  });
}

// amqplib 2.3.1 does not call back a close whose connection is lost.
function closed(connection: Connection): Promise<void> {
  const { stream } = connection.connection;
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve();
    const timer = setTimeout(() => stream.destroy(), closeMs);
    stream.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    try {
      connection.close(() => stream.destroy());
    } catch {
      stream.destroy();
    }
  });
}
