// One Rascal broker: its connections, its topology, its reconnects. What flows over the channels is decided in
// publisher.ts and consumer.ts, which take their channels from here.

import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Channel, ConfirmChannel, Connection } from 'amqplib/callback_api';
import amqplib from 'amqplib/callback_api';
import type { RascalBroker, RascalConfigured } from 'rascal';
import rascal from 'rascal';
import type { RascalVhost, RascalVhostConfig } from 'rascal/lib/amqp/Vhost.js';
import Vhost from 'rascal/lib/amqp/Vhost.js';
import { MqError } from '../errors.ts';
import { failureOf, isPermanent } from './failure.ts';
import { GivingUp, type ReconnectLimit } from './giving-up.ts';
import './handshake.ts';
import './headers.ts';

/** What a link says: the connection went, came back, was blocked or freed; `fatal`: no reconnect can help. */
export interface LinkEvents {
  lost: [error: MqError];
  connected: [];
  blocked: [reason: string];
  unblocked: [];
  fatal: [error: MqError];
}

export interface LinkSettings {
  /** What config/ made for Rascal. */
  readonly rascalConfig: object;
  /** The connection_name that `rascalConfig` carries: it tells this link's connections from others'. */
  readonly connectionName: string;
  /** Milliseconds that an orderly close may take. */
  readonly closeTimeoutMs: number;
  /** Undefined: it connects again for ever. */
  readonly reconnect?: ReconnectLimit | undefined;
  readonly redact: (text: string) => string;
}

interface KnownVhost {
  readonly vhost: RascalVhost;
  readonly config: RascalVhostConfig;
}

export class Link extends EventEmitter<LinkEvents> {
  readonly #broker: RascalBroker;
  readonly #vhosts: ReadonlyMap<string, KnownVhost>;
  readonly #settings: LinkSettings;
  readonly #givingUp: GivingUp;
  #lost = false;

  constructor(broker: RascalBroker, vhosts: ReadonlyMap<string, KnownVhost>, settings: LinkSettings) {
    super();
    this.#broker = broker;
    this.#vhosts = vhosts;
    this.#settings = settings;
    this.#givingUp = new GivingUp(settings.reconnect, (error) => this.emit('fatal', error));
    broker.on('error', (error: Error) => this.#onError(error));
    broker.on('close', () => this.#onError(new Error('Unexpected close')));
    broker.on('vhost_initialised', () => {
      if (!this.#lost) return;
      this.#lost = false;
      this.#givingUp.stop();
      this.emit('connected');
    });
    broker.on('blocked', (reason: unknown) => this.emit('blocked', String(reason)));
    broker.on('unblocked', () => this.emit('unblocked'));
  }

  /** The configuration with every name as the broker knows it. */
  get config(): RascalConfigured {
    return this.#broker.config;
  }

  /** The broker's name of a subscription's queue. One of our own has another name after each lost connection. */
  queueOf(subscription: string): string {
    const { vhost, queue, source } = this.config.subscriptions[subscription] ?? {};
    return this.#vhosts.get(vhost ?? '')?.config.queues[queue ?? '']?.fullyQualifiedName ?? source ?? '';
  }

  /** Waits while disconnected. Rejects when the link closes. */
  confirmChannel(vhost: string): Promise<ConfirmChannel> {
    return this.#channel(vhost, (from, next) => from.getConfirmChannel(next));
  }

  /** Waits while disconnected. Rejects when the link closes. */
  channel(vhost: string): Promise<Channel> {
    return this.#channel(vhost, (from, next) => from.getChannel(next));
  }

  /** An orderly close; after `closeTimeoutMs` the sockets are simply ended. Never rejects. */
  async close(): Promise<void> {
    this.#givingUp.stop();
    const orderly = new Promise<void>((resolve) => this.#broker.shutdown(() => resolve()));
    await within(orderly, this.#settings.closeTimeoutMs);
    this.abort();
  }

  /** Ends the sockets at once: the broker takes back whatever was not acknowledged. */
  abort(): void {
    endConnections(this.#settings.connectionName);
  }

  #onError(error: Error): void {
    const failure = failureOf(error, this.#settings.redact);
    for (const { config } of this.#vhosts.values()) renameOwnQueues(config);
    if (isPermanent(failure)) {
      this.emit('fatal', failure);
      return;
    }
    const isFirst = !this.#lost;
    this.#lost = true;
    if (isFirst) this.emit('lost', failure);
    this.#givingUp.failed(failure, { isFirst });
  }

  #channel<C>(
    name: string,
    take: (vhost: RascalVhost, next: (error?: Error | null, channel?: C) => void) => void,
  ): Promise<C> {
    const known = this.#vhosts.get(name);
    if (!known) throw new MqError('BUG', `no vhost '${name}' in this link`);
    return new Promise((resolve, reject) => {
      take(known.vhost, (error, channel) => {
        if (channel) resolve(channel);
        else reject(error ?? new Error('the link is closing'));
      });
    });
  }
}

/** Connects and declares what the configuration holds. Each address is tried once; throws an MqError. */
export async function openLink(settings: LinkSettings): Promise<Link> {
  const vhosts = new Map<string, KnownVhost>();
  return new Promise((resolve, reject) => {
    rascal.createBroker(settings.rascalConfig, { mqVhosts: vhosts }, (error, broker) => {
      if (!error && broker) return resolve(new Link(broker, vhosts, settings));
      // Rascal: a half-built broker keeps a timer and its sockets (createConnection.js), so both are ended here.
      endConnections(settings.connectionName);
      broker?.on('error', () => undefined);
      broker?.shutdown(() => undefined);
      reject(failureOf(error ?? new Error('no broker'), settings.redact));
    });
  });
}

// Rascal hands out neither its vhosts nor its connections. Both are taken where they are made: a vhost's getChannel
// and getConfirmChannel wait while disconnected, and a connection can be ended when no orderly close is possible.
const connections = new Set<{ name: string | undefined; connection: Connection }>();

const createVhost = Vhost.create;
Vhost.create = (config, components: { mqVhosts?: Map<string, KnownVhost> }, next) => {
  createVhost(config, components, (error, vhost) => {
    if (vhost) components.mqVhosts?.set(vhost.name, { vhost, config });
    next(error, vhost);
  });
};

/**
 * RabbitMQ 4.3 keeps an exclusive queue locked (405) as long as the node of its connection is down. Rascal declares
 * by these names whenever it connects again, so a queue whose name has a random part anyhow (replyTo) gets a new one.
 */
function renameOwnQueues({ queues }: RascalVhostConfig): void {
  for (const queue of Object.values(queues)) {
    if (typeof queue.replyTo !== 'string' || queue.options?.exclusive !== true) continue;
    const former = queue.replyTo;
    queue.replyTo = randomUUID();
    queue.fullyQualifiedName = queue.fullyQualifiedName.slice(0, -former.length) + queue.replyTo;
  }
}

const connect = amqplib.connect;
amqplib.connect = (url, socketOptions, next) => {
  connect(url, socketOptions, (error, connection) => {
    if (connection) {
      const entry = { name: socketOptions?.clientProperties?.connection_name, connection };
      connections.add(entry);
      refuseByCallback(connection);
      gatherWrites(connection.connection.stream);
      connection.once('close', () => connections.delete(entry));
    }
    next(error, connection);
  });
};

/** All frames of one turn of the event loop go out in one system call; amqplib makes one for each message and ack. */
function gatherWrites(stream: Duplex): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let gathering = false;
  stream.write = (...args: unknown[]) => {
    if (!gathering) {
      gathering = true;
      stream.cork();
      setImmediate(() => {
        gathering = false;
        stream.uncork();
      });
    }
    return write(...args);
  };
}

/**
 * amqplib throws at a channel asked of a connection that has just closed, and Rascal asks in a microtask, where nobody
 * catches it. The broker's own close (320, its shutdown) closes the channels first, so a publisher asks right then.
 */
function refuseByCallback(connection: Connection): void {
  for (const method of ['createChannel', 'createConfirmChannel'] as const) {
    const create = connection[method].bind(connection) as (next: (error: unknown) => void) => void;
    connection[method] = (next: (error: unknown) => void) => {
      try {
        create(next);
      } catch (error) {
        setImmediate(next, error);
      }
    };
  }
}

function endConnections(name: string): void {
  for (const entry of connections) {
    if (entry.name !== name) continue;
    connections.delete(entry);
    entry.connection.removeAllListeners();
    entry.connection.on('error', () => undefined);
    entry.connection.connection.stream.destroy();
  }
}

async function within(work: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, deadline]);
  clearTimeout(timer);
}
