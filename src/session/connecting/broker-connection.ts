// Wraps one Rascal broker: its connections and its reconnects. publisher.ts and consumer.ts open their channels here and
// decide what is sent on them.

import { EventEmitter } from 'node:events';
import type { RascalBroker, RascalConfigured } from 'rascal';
import type { RascalVhost } from 'rascal/lib/amqp/Vhost.js';
import { MqError } from '../../errors.ts';
import type { Token } from '../../login/tokens.ts';
import { time } from '../../time.ts';
import type { Channel, ConfirmChannel } from '../channel.ts';
import { endChannel } from '../consuming/channel-end.ts';
import { failureOf, isPermanent } from '../failure.ts';
import {
  answerMs,
  breakConnections,
  endConnections,
  endDeclarations,
  refuseConnections,
  tokenLogins,
} from '../patches/sockets.ts';
import type { CreatedVhost } from '../patches/vhosts.ts';
import { type ReconnectLimit, ReconnectLimiter } from './reconnect-limiter.ts';
import { ReconnectPace } from './reconnect-pace.ts';
import { SetUpDeadlines } from './set-up-deadlines.ts';
import { renameOwnQueues, SubscriptionQueue } from './subscription-queue.ts';
import { TokenRenewal } from './token-renewal.ts';

/** Events of a connection. `fatal` means that reconnecting cannot help. */
interface BrokerConnectionEvents {
  lost: [error: MqError];
  connected: [];
  /** The broker has accepted a new token. */
  renewed: [token: Token];
  /** There is no new token. The connection stays open until the old one expires. */
  unrenewed: [error: MqError];
  blocked: [reason: string];
  unblocked: [];
  /**
   * mq has disconnected from a node that does not answer, and connects to the next address. `address` is the index of
   * the node's address.
   */
  left: [error: MqError, address: number];
  fatal: [error: MqError];
}

export interface BrokerConnectionSettings {
  /** The connection_name that Rascal sends. It identifies the sockets of this connection. */
  readonly connectionName: string;
  /** Time limit for a graceful close, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** If `undefined`, the connection reconnects forever. */
  readonly reconnect?: ReconnectLimit | undefined;
  readonly redact: (text: string) => string;
  /** Reports whether mq would declare a queue of rascal.json, but only checks that it exists. Default: it declares. */
  readonly isChecked?: (vhost: string, queue: string) => boolean;
}

export class BrokerConnection extends EventEmitter<BrokerConnectionEvents> {
  readonly #broker: RascalBroker;
  readonly #vhosts: ReadonlyMap<string, CreatedVhost>;
  readonly #settings: BrokerConnectionSettings;
  readonly #reconnectLimiter: ReconnectLimiter;
  #lost = false;
  readonly #pace = new ReconnectPace();
  #isLeaving = false;
  #isClosing = false;
  /** The error with which reconnecting ended. Rascal continues to reconnect, so a later connection resets it. */
  #fatal: MqError | undefined;
  /** Reject the requests without an answer. */
  readonly #waiting = new Set<(error: MqError) => void>();
  readonly #setUps: SetUpDeadlines;
  readonly #renewal: TokenRenewal;
  /** Index of the configured address that is first in Rascal's list. */
  readonly #first: number;

  constructor(
    broker: RascalBroker,
    vhosts: ReadonlyMap<string, CreatedVhost>,
    settings: BrokerConnectionSettings,
    first: number,
  ) {
    super();
    this.#broker = broker;
    this.#vhosts = vhosts;
    this.#first = first;
    this.#settings = settings;
    this.#reconnectLimiter = new ReconnectLimiter(settings.reconnect, (error) => this.#fail(error));
    this.#setUps = new SetUpDeadlines((error) => breakConnections(settings.connectionName, error));
    const { connectionName, redact } = settings;
    this.#renewal = new TokenRenewal({
      logins: () => tokenLogins(connectionName),
      redact,
      onRenewed: (token) => this.emit('renewed', token),
      onFailed: (error) => this.emit('unrenewed', error),
    });
    this.#renewal.start();
    broker.on('error', (error: Error) => this.#onError(error));
    broker.on('close', () => this.#onError(new Error('Unexpected close')));
    endDeclarations(settings.connectionName);
    for (const { vhost } of vhosts.values()) this.#delayReconnects(vhost);
    broker.on('vhost_initialised', () => {
      endDeclarations(settings.connectionName);
      this.#isLeaving = false;
      this.#fatal = undefined;
      this.#pace.connected();
      this.#renewal.start();
      if (!this.#lost) return;
      this.#lost = false;
      this.#reconnectLimiter.stop();
      this.emit('connected');
    });
    broker.on('blocked', (reason: unknown) => this.emit('blocked', String(reason)));
    broker.on('unblocked', () => this.emit('unblocked'));
  }

  /** Returns Rascal's configuration with the queue names of the broker. */
  get config(): RascalConfigured {
    return this.#broker.config;
  }

  /** Number of addresses. */
  get addresses(): number {
    return [...this.#vhosts.values()][0]?.config.connections.length ?? 1;
  }

  /** Index of the address that is connected or tried next. All connections of a session use the same indexes. */
  get address(): number {
    return (this.#first + ([...this.#vhosts.values()][0]?.vhost.connectionIndex ?? 0)) % this.addresses;
  }

  queueOf(subscription: string): SubscriptionQueue {
    const { vhost = '', queue = '', source = '' } = this.config.subscriptions[subscription] ?? {};
    const isChecked = this.#settings.isChecked?.(vhost, queue);
    return new SubscriptionQueue(this.#vhosts.get(vhost)?.config.queues[queue], source, isChecked);
  }

  /** Returns the options with which a queue of rascal.json is declared, or `undefined` if it is not declared. */
  queueOptions(vhost: string, queue: string): Readonly<Record<string, unknown>> | undefined {
    const configured = this.#vhosts.get(vhost)?.config.queues[queue];
    return configured?.assert === true ? { ...configured.options } : undefined;
  }

  /** Opens a confirm channel. Waits while disconnected. Rejects with an MqError when the connection is lost or fatal. */
  confirmChannel(vhost: string): Promise<ConfirmChannel> {
    return this.#channel(vhost, (from, next) => from.getConfirmChannel(next));
  }

  /** Opens a channel. Waits while disconnected. Rejects with an MqError when the connection is lost or fatal. */
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

  /**
   * Waits for an answer of the connected node. After `answerMs` it leaves the node, and `answer` rejects with the lost
   * connection. While disconnected, it rejects with UNAVAILABLE then. `what` describes the request in the error message.
   */
  async answered<T>(what: string, answer: Promise<T>): Promise<T> {
    const late = (problem: string) => new MqError('UNAVAILABLE', `${problem} in ${answerMs / 1000} s (${what})`);
    const ended = Promise.withResolvers<never>();
    const deadline = time.after(answerMs, () => {
      if (this.#lost) ended.reject(late('no broker was reached again'));
      else this.leave(late('the node has not answered'));
    });
    const end = (error: MqError) => {
      deadline.cancel();
      ended.reject(error);
    };
    this.#waiting.add(end);
    try {
      return await Promise.race([answer, ended.promise]);
    } finally {
      this.#waiting.delete(end);
      deadline.cancel();
    }
  }

  /** Closes gracefully. After `closeTimeoutMs` the sockets are destroyed. Never rejects. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#renewal.stop();
    this.#reconnectLimiter.stop();
    const orderly = new Promise<void>((resolve) => this.#broker.shutdown(() => resolve()));
    await within(orderly, this.#settings.closeTimeoutMs);
    this.abort();
  }

  /** Destroys the sockets at once, so that all requests fail. The broker requeues all unacknowledged messages. */
  abort(error = new MqError('UNAVAILABLE', 'the connection is closed')): void {
    this.#isClosing = true;
    this.#renewal.stop();
    this.#setUps.stop();
    for (const { config } of this.#vhosts.values()) refuseConnections(config);
    endConnections(this.#settings.connectionName);
    stopKeepActive(this.#broker);
    this.#fatal = error;
    this.#rejectWaiting(error);
  }

  /**
   * Makes Rascal try the next address first. Otherwise it starts with the address that it used last, even if that
   * failed.
   */
  #tryNextFirst(): void {
    for (const { vhost, config } of this.#vhosts.values())
      vhost.connectionIndex = (vhost.connectionIndex + 1) % config.connections.length;
  }

  /**
   * Adds a pause and a time limit to each set-up that Rascal starts after a lost connection. The pause does not keep a
   * process alive that closes its session in it.
   */
  #delayReconnects(vhost: RascalVhost): void {
    const { init } = vhost;
    vhost.init = (next) => {
      const pauseMs = this.#pace.pauseMs();
      const begin = () => init.call(vhost, this.#setUps.limit(next, this.addresses));
      if (pauseMs === 0 || this.#isClosing) begin();
      else time.after(pauseMs, begin).unref();
      return vhost;
    };
  }

  #onError(error: Error): void {
    const failure = this.#renewal.refusalOf(error) ?? failureOf(error, this.#settings.redact);
    for (const { config } of this.#vhosts.values()) renameOwnQueues(config);
    if (isPermanent(failure)) {
      this.#fail(failure);
      return;
    }
    const isFirst = !this.#lost;
    this.#lost = true;
    if (isFirst) {
      this.#pace.lost();
      this.emit('lost', failure);
    } else this.#tryNextFirst();
    this.#reconnectLimiter.failed(failure, { isFirst });
  }

  #channel<C extends Channel>(
    name: string,
    open: (vhost: RascalVhost, next: (error?: Error | null, channel?: C) => void) => void,
  ): Promise<C> {
    const created = this.#vhosts.get(name);
    if (!created) throw new MqError('BUG', `no vhost '${name}' in this connection`);
    return new Promise((resolve, reject) => {
      if (this.#fatal) return reject(this.#fatal);
      // Rascal waits for the next connection, which a fatal one does not get.
      this.#waiting.add(reject);
      open(created.vhost, (error, channel) => {
        const isWaiting = this.#waiting.delete(reject);
        if (!channel) reject(failureOf(error ?? new Error('the connection is closing'), this.#settings.redact));
        else if (isWaiting) resolve(channel);
        else endChannel(channel);
      });
    });
  }

  /** Ends the requests, because reconnecting cannot help. */
  #fail(error: MqError): void {
    this.#fatal = error;
    this.#rejectWaiting(error);
    this.emit('fatal', error);
  }

  #rejectWaiting(error: MqError): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const reject of waiting) reject(error);
  }
}

/** Clears a timer that keeps the process alive. Rascal 21.0.1 (Broker.js) never clears it if `broker.shutdown` fails. */
export function stopKeepActive(broker: RascalBroker): void {
  clearInterval(broker.keepActive);
}

async function within(work: Promise<void>, milliseconds: number): Promise<void> {
  const { promise: deadline, resolve } = Promise.withResolvers<void>();
  const timer = time.after(milliseconds, resolve);
  await Promise.race([work, deadline]);
  timer.cancel();
}
