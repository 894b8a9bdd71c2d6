// Wraps one Rascal broker: its connections, its topology and its reconnects. publisher.ts and consumer.ts open their
// channels here and decide what is sent on them.

import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { RascalBroker, RascalConfigured } from 'rascal';
import rascal from 'rascal';
import type { RascalVhost, RascalVhostConfig } from 'rascal/lib/amqp/Vhost.js';
import { objectOf } from '../../config/plain.ts';
import type { RascalSettings } from '../../config/rascal-settings.ts';
import { MqError } from '../../errors.ts';
import type { Channel, ConfirmChannel } from '../channel.ts';
import '../patches/content-frames.ts';
import type { KnownVhost } from '../patches/vhosts.ts';
import '../patches/vhosts.ts';
import { failureOf, isPermanent } from '../failure.ts';
import { type ReconnectLimit, ReconnectLimiter } from './reconnect-limiter.ts';
import '../patches/handshake.ts';
import { answerMs, breakConnections, endConnections, endDeclarations, takeNoAnswer } from '../patches/sockets.ts';
import { withTlsFiles } from './tls-files.ts';

/** Events of a connection. `fatal` means that reconnecting cannot help. */
export interface BrokerConnectionEvents {
  lost: [error: MqError];
  connected: [];
  blocked: [reason: string];
  unblocked: [];
  /** mq has left the node at that address for the next one, and the connection is lost. */
  left: [error: MqError, address: number];
  fatal: [error: MqError];
}

export interface BrokerConnectionSettings {
  /** Settings that config/ builds for Rascal. */
  readonly rascalConfig: RascalSettings;
  /** The connection_name in `rascalConfig`. It identifies the connections of this connection. */
  readonly connectionName: string;
  /** Time limit for a graceful close, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** If `undefined`, the connection reconnects forever. */
  readonly reconnect?: ReconnectLimit | undefined;
  readonly redact: (text: string) => string;
}

/** A connection that lasts this long (a heartbeat) is healthy. */
const healthyMs = 10_000;
/** Base of the random pause after an unhealthy connection, in milliseconds. Its maximum doubles each time. */
const firstPauseMs = 125;
/** Longest pause. With it, a connection that is repeatedly closed is restored quickly and costs little CPU time. */
const mostPauseMs = 1_000;

/**
 * Returns the time limit for setting up a connection, in milliseconds: connecting to one of the addresses, 10 s for
 * each that does not answer, and the declarations.
 */
function setUpMs(addresses: number): number {
  return answerMs * (addresses + 1);
}

function setUpTooLong(addresses: number): MqError {
  return new MqError('UNAVAILABLE', `the connection was not set up in ${setUpMs(addresses) / 1000} s`);
}

export class BrokerConnection extends EventEmitter<BrokerConnectionEvents> {
  readonly #broker: RascalBroker;
  readonly #vhosts: ReadonlyMap<string, KnownVhost>;
  readonly #settings: BrokerConnectionSettings;
  readonly #reconnectLimiter: ReconnectLimiter;
  #lost = false;
  #connectedAt = performance.now();
  /** Number of consecutive connections that were lost before they were healthy. */
  #shortLived = 0;
  #isLeaving = false;
  #isClosing = false;
  /** Deadlines of the set-ups in progress. */
  readonly #setUps = new Set<NodeJS.Timeout>();
  /** Index of the configured address that is Rascal's first one. */
  readonly #first: number;

  constructor(
    broker: RascalBroker,
    vhosts: ReadonlyMap<string, KnownVhost>,
    settings: BrokerConnectionSettings,
    first: number,
  ) {
    super();
    this.#broker = broker;
    this.#vhosts = vhosts;
    this.#first = first;
    this.#settings = settings;
    this.#reconnectLimiter = new ReconnectLimiter(settings.reconnect, (error) => this.emit('fatal', error));
    broker.on('error', (error: Error) => this.#onError(error));
    broker.on('close', () => this.#onError(new Error('Unexpected close')));
    endDeclarations(settings.connectionName);
    for (const { vhost } of vhosts.values()) this.#pace(vhost);
    broker.on('vhost_initialised', () => {
      endDeclarations(settings.connectionName);
      this.#isLeaving = false;
      this.#connectedAt = performance.now();
      if (!this.#lost) return;
      this.#lost = false;
      this.#reconnectLimiter.stop();
      this.emit('connected');
    });
    broker.on('blocked', (reason: unknown) => this.emit('blocked', String(reason)));
    broker.on('unblocked', () => this.emit('unblocked'));
  }

  /** The configuration with the broker's names. */
  get config(): RascalConfigured {
    return this.#broker.config;
  }

  /** Number of addresses. */
  get addresses(): number {
    return [...this.#vhosts.values()][0]?.config.connections.length ?? 1;
  }

  /** Index of the current or next address. The same index is the same address in all links of a session. */
  get address(): number {
    return (this.#first + ([...this.#vhosts.values()][0]?.vhost.connectionIndex ?? 0)) % this.addresses;
  }

  /** Returns the broker's name of a subscription's queue. An exclusive one changes with each lost connection. */
  queueOf(subscription: string): string {
    const { vhost, queue, source } = this.config.subscriptions[subscription] ?? {};
    return this.#vhosts.get(vhost ?? '')?.config.queues[queue ?? '']?.fullyQualifiedName ?? source ?? '';
  }

  /** Reports whether a subscription's queue has a random part in its name and is deleted with the connection. */
  hasOwnQueue(subscription: string): boolean {
    const { vhost, queue } = this.config.subscriptions[subscription] ?? {};
    return typeof this.#vhosts.get(vhost ?? '')?.config.queues[queue ?? '']?.replyTo === 'string';
  }

  /** Returns the arguments of a subscription's queue, or `undefined` if only the broker knows them. */
  declaredArguments(subscription: string): Readonly<Record<string, unknown>> | undefined {
    const { vhost, queue } = this.config.subscriptions[subscription] ?? {};
    const known = this.#vhosts.get(vhost ?? '')?.config.queues[queue ?? ''];
    if (known?.assert !== true) return undefined;
    const exchange = known.options?.deadLetterExchange;
    return { ...(exchange !== undefined && { 'x-dead-letter-exchange': exchange }), ...known.options?.arguments };
  }

  /** Returns the options with which a queue of rascal.json is declared, or `undefined` if it is not declared. */
  queueOptions(vhost: string, queue: string): Readonly<Record<string, unknown>> | undefined {
    const known = this.#vhosts.get(vhost)?.config.queues[queue];
    return known?.assert === true ? { ...known.options } : undefined;
  }

  /** Returns `true` if a subscription's queue is deleted when its only consumer or its connection ends. */
  isTransient(subscription: string): boolean {
    const { vhost, queue } = this.config.subscriptions[subscription] ?? {};
    const { exclusive, autoDelete } = this.#vhosts.get(vhost ?? '')?.config.queues[queue ?? '']?.options ?? {};
    return exclusive === true || autoDelete === true;
  }

  /** Opens a confirm channel. Waits while disconnected. Rejects when the connection closes. */
  confirmChannel(vhost: string): Promise<ConfirmChannel> {
    return this.#channel(vhost, (from, next) => from.getConfirmChannel(next));
  }

  /** Opens a channel. Waits while disconnected. Rejects when the connection closes. */
  channel(vhost: string): Promise<Channel> {
    return this.#channel(vhost, (from, next) => from.getChannel(next));
  }

  /**
   * Leaves a node that keeps the connection open but does not answer, and reconnects to the next address first. The
   * caller has already waited, so that mq does not cycle quickly if no node answers.
   */
  leave(error: MqError): void {
    if (this.#isClosing || this.#lost || this.#isLeaving) return;
    this.#isLeaving = true;
    const { address } = this;
    this.#tryNextFirst();
    breakConnections(this.#settings.connectionName, error);
    this.emit('left', error, address);
  }

  /** Waits for an answer of the connected node for `answerMs`, then leaves the node. Leaving it ends the wait. */
  async answered<T>(what: string, answer: Promise<T>): Promise<T> {
    const error = new MqError('UNAVAILABLE', `the node has not answered in ${answerMs / 1000} s (${what})`);
    const deadline = setTimeout(() => this.leave(error), answerMs);
    try {
      return await answer;
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Closes gracefully. After `closeTimeoutMs` the sockets are destroyed. Never rejects. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#reconnectLimiter.stop();
    const orderly = new Promise<void>((resolve) => this.#broker.shutdown(() => resolve()));
    await within(orderly, this.#settings.closeTimeoutMs);
    this.abort();
  }

  /** Destroys the sockets at once. The broker requeues all unacknowledged messages. */
  abort(): void {
    this.#isClosing = true;
    for (const timer of this.#setUps) clearTimeout(timer);
    endConnections(this.#settings.connectionName);
    letGo(this.#broker);
  }

  /** Selects the next address, because Rascal starts with the last one even if it failed. */
  #tryNextFirst(): void {
    for (const { vhost, config } of this.#vhosts.values())
      vhost.connectionIndex = (vhost.connectionIndex + 1) % config.connections.length;
  }

  /** Adds a pause before reconnecting, because Rascal reconnects at once even after a very short connection. */
  #pace(vhost: RascalVhost): void {
    const { init } = vhost;
    vhost.init = (next) => {
      const pauseMs = Math.random() * this.#longestPauseMs;
      const begin = () => init.call(vhost, this.#supervised(next));
      if (pauseMs === 0 || this.#isClosing) begin();
      else setTimeout(begin, pauseMs);
      return vhost;
    };
  }

  /** Limits the time of a set-up. After the limit it counts as failed, and Rascal starts another one. */
  #supervised(next: (error?: Error | null) => void): (error?: Error | null) => void {
    const error = setUpTooLong(this.addresses);
    const timer = setTimeout(() => {
      breakConnections(this.#settings.connectionName, error);
      setImmediate(end, error); // does nothing if the broken connection has already ended the set-up
    }, setUpMs(this.addresses));
    this.#setUps.add(timer);
    const end = (failure?: Error | null) => {
      clearTimeout(timer);
      if (this.#setUps.delete(timer)) next(failure);
    };
    return end;
  }

  /** Longest pause before reconnecting, in milliseconds. 0 after a healthy connection. */
  get #longestPauseMs(): number {
    return this.#shortLived === 0 ? 0 : Math.min(mostPauseMs, firstPauseMs * 2 ** this.#shortLived);
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
    if (isFirst) this.#shortLived = performance.now() - this.#connectedAt < healthyMs ? this.#shortLived + 1 : 0;
    if (isFirst) this.emit('lost', failure);
    else this.#tryNextFirst();
    this.#reconnectLimiter.failed(failure, { isFirst });
  }

  #channel<C>(
    name: string,
    take: (vhost: RascalVhost, next: (error?: Error | null, channel?: C) => void) => void,
  ): Promise<C> {
    const known = this.#vhosts.get(name);
    if (!known) throw new MqError('BUG', `no vhost '${name}' in this connection`);
    return new Promise((resolve, reject) => {
      take(known.vhost, (error, channel) => {
        if (channel) resolve(channel);
        else reject(error ?? new Error('the connection is closing'));
      });
    });
  }
}

/**
 * Connects and declares the configuration. Each address is tried once, even if a node accepts the connection and does
 * not answer the declarations. Throws an MqError.
 */
export async function openConnection(settings: BrokerConnectionSettings): Promise<BrokerConnection> {
  const rascalConfig = await withTlsFiles(settings.rascalConfig);
  for (let first = 0; ; first += 1) {
    const { config, addresses } = withFirst(rascalConfig, first);
    try {
      return await createConnection(settings, config, first);
    } catch (error) {
      const noAnswer = takeNoAnswer(settings.connectionName);
      if (!noAnswer) throw error;
      if (first + 1 >= addresses) throw noAnswer;
    }
  }
}

/** Returns the configuration with another of each vhost's connections first. */
function withFirst(config: RascalSettings, first: number): { config: RascalSettings; addresses: number } {
  let addresses = 1;
  const vhosts = Object.entries(config.vhosts).map(([name, vhost]) => {
    const { connections } = vhost;
    const at = first % connections.length;
    addresses = Math.max(addresses, connections.length);
    return [name, { ...vhost, connections: [...connections.slice(at), ...connections.slice(0, at)] }];
  });
  return { config: { ...config, vhosts: Object.fromEntries(vhosts) as RascalSettings['vhosts'] }, addresses };
}

function createConnection(
  settings: BrokerConnectionSettings,
  config: RascalSettings,
  first: number,
): Promise<BrokerConnection> {
  const vhosts = new Map<string, KnownVhost>();
  return new Promise((resolve, reject) => {
    const addresses = Math.max(1, ...Object.values(config.vhosts).map(({ connections }) => connections.length));
    const deadline = setTimeout(() => {
      endConnections(settings.connectionName);
      reject(setUpTooLong(addresses));
    }, setUpMs(addresses));
    rascal.createBroker(config, { mqVhosts: vhosts }, (error, broker) => {
      clearTimeout(deadline);
      if (!error && broker) return resolve(new BrokerConnection(broker, vhosts, settings, first));
      // Rascal keeps a timer and the sockets of a half-built broker (createConnection.js), so both are ended here.
      endConnections(settings.connectionName);
      broker?.on('error', () => undefined);
      broker?.shutdown(() => undefined);
      if (broker) letGo(broker);
      reject(frameMaxFault(config, failureOf(error ?? new Error('no broker'), settings.redact)));
    });
  });
}

/** Minimum frame_max. RabbitMQ 4.1 and later closes the connection without a message if frame_max is smaller. */
const leastFrameMax = 8192;

/** Returns an error about the frameMax of the address if it ended the handshake, otherwise the failure. */
function frameMaxFault({ vhosts }: RascalSettings, failure: MqError): MqError {
  const all = Object.values(vhosts).flatMap(({ connections }) =>
    connections.map((one) => objectOf(objectOf(one)['options'])),
  );
  const small = all
    .map(({ frameMax }) => Number(frameMax))
    .find((frameMax) => frameMax > 0 && frameMax < leastFrameMax);
  if (failure.code !== 'PROTOCOL' || small === undefined) return failure;
  return new MqError('CONFIG', `the broker ended the handshake: frameMax is ${small}`, {
    hint: `RabbitMQ requires at least ${leastFrameMax} since 4.1; leave frameMax out, or set it to that or more`,
    cause: failure,
  });
}

/**
 * Renames exclusive queues after a lost connection. RabbitMQ 4.3 keeps an exclusive queue locked (405) while the node
 * of its connection is down. Rascal declares the same names at each reconnect, so a queue with a random part in its
 * name (replyTo) gets a new one.
 */
function renameOwnQueues({ queues }: RascalVhostConfig): void {
  for (const queue of Object.values(queues)) {
    if (typeof queue.replyTo !== 'string' || queue.options?.exclusive !== true) continue;
    const former = queue.replyTo;
    queue.replyTo = randomUUID();
    queue.fullyQualifiedName = queue.fullyQualifiedName.slice(0, -former.length) + queue.replyTo;
  }
}

/** Clears a timer that keeps the process alive. Rascal 21.0.1 (Broker.js) never clears it if its shutdown fails. */
function letGo(broker: RascalBroker): void {
  clearInterval(broker.keepActive);
}

async function within(work: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, deadline]);
  clearTimeout(timer);
}
