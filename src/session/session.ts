// Opens the broker connections of one role, and its publishers, consumers and readers on them. Publishing and consuming
// use separate connections (RabbitMQ: an alarm blocks publishing connections by TCP back-pressure, and consumers must
// continue).

import { type Config, isPrivate, type PublicationConfig, type QueueConfig } from '../config/config.ts';
import { redactor, secretsOf } from '../config/redact.ts';
import type { DeadLetterConfig } from '../config/role.ts';
import { configuredDelays, delayName } from '../delay/configured.ts';
import { MqError } from '../errors.ts';
import { endedConnections, interrupted } from '../signal.ts';
import { time } from '../time.ts';
import type { MessageTracer, Tracer } from '../tracing.ts';
import { QueueReader } from './browsing/queue-reader.ts';
import type { ConfirmChannel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import { Connections, type ConnectionsSettings } from './connecting/connections.ts';
import type { ReconnectLimit } from './connecting/reconnect-limiter.ts';
import { Consumer } from './consumer.ts';
import { withConsumerTimeout } from './consuming/consumer-timeout.ts';
import { type LastValueQueue, readLastValue } from './consuming/last-value.ts';
import type { StreamSettings } from './consuming/stream-reading.ts';
import type { Counts } from './counts.ts';
import { existingOnly, presentOnly } from './declaring/configure.ts';
import { Declarer } from './declaring/declarer.ts';
import { declareObjects, type NeededForDelay, prepareDelay } from './declaring/delayed.ts';
import { type Destination, destinationOf, refuseEncryption, requireSameVhost } from './destination.ts';
import { failureOf } from './failure.ts';
import type { Room } from './moving/mover.ts';
import { SingleConnection } from './moving/single-connection.ts';
import { Observer } from './observer.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import { Publisher } from './publisher.ts';
import { streamOf } from './publishing/stream-targets.ts';
import { Requester } from './requester.ts';
import { Listener } from './watching/listener.ts';
import { Tapper } from './watching/tapper.ts';

export type { BrowsedMessage, Browser, Republisher } from './browsing/browser.ts';
export type { QueueType } from './browsing/queue-reader.ts';
export type { OnMessage, Subscription } from './watching/listener.ts';
export type {
  Declarer,
  Destination,
  Listener,
  OutgoingMessage,
  QueueReader,
  ReconnectLimit,
  Room,
  SingleConnection,
  Tapper,
};

export interface SessionSettings extends ConnectionsSettings {
  readonly config: Config;
  /** Milliseconds without an answer from the broker after which messages are in doubt. */
  readonly confirmTimeoutMs: number;
  /** `true` if this time also runs while the broker blocks publishing. Default `false`. */
  readonly limitsBlocking?: boolean;
  /** Records the spans of messages. */
  readonly tracer?: Tracer | undefined;
}

/** Options of queue.declare, with amqplib's names. */
export type QueueOptions = Readonly<Record<string, unknown>>;

export interface OutcomeSettings {
  /** Called with each new channel before anything is sent on it. */
  readonly onChannel: (channel: ConfirmChannel) => Promise<void>;
  /** Names of the queues that the outcomes may need, as rascal.json would define them. */
  readonly queues: readonly string[];
  /** Target of dead letters. `undefined` means mq's own queue. */
  readonly dead: DeadLetterConfig | undefined;
  /** The broker's names of queues that are declared on first use. */
  readonly later?: readonly string[];
}

interface PublisherNeeds {
  /** Maximum number of unconfirmed messages. */
  readonly window: number;
  readonly declare?: boolean;
  /** Returns what delayed messages need. `name` begins the names of the broker's objects. */
  readonly delay?: ((destination: Destination, name: string) => NeededForDelay) | undefined;
}

export interface ConsumerNeeds {
  readonly prefetch: number;
  readonly bindingKeys?: readonly string[];
  /** Longest time that a message can be unacknowledged, in milliseconds. `undefined` means that it is unknown. */
  readonly timeoutMs?: number | undefined;
  readonly stream?: StreamSettings;
}

export class Session {
  readonly #settings: SessionSettings;
  readonly #config: Config;
  readonly #redact: (text: string) => string;
  readonly #connections: Connections;
  readonly #publishers: { close(): void; abandon(error: MqError): void }[] = [];

  constructor(settings: SessionSettings) {
    this.#settings = settings;
    this.#config = withFixedNamespaces(settings.config);
    this.#redact = redactor(secretsOf({ config: this.#config, addresses: settings.addresses ?? [] }));
    this.#connections = new Connections(settings, this.#redact);
    const { signals } = settings;
    if (signals === undefined) return;
    const abort = () => {
      endedConnections(signals.abandon);
      this.abort(interrupted(signals, 'a second signal ended its connections'));
    };
    signals.abandon.addEventListener('abort', abort, { once: true });
  }

  get counts(): Counts {
    return this.#settings.counts;
  }

  /** `false` if queues and exchanges are only checked (`"declare": false`). */
  get declares(): boolean {
    return this.#config.declare !== false;
  }

  /**
   * Connects, declares what the publication needs (unless `declare` is false), and returns a publisher.
   * @param delay returns what delayed messages to the destination need
   */
  async publisher(
    name: string,
    { window, declare = true, delay }: PublisherNeeds,
  ): Promise<{ publisher: Publisher; destination: Destination }> {
    const { connection, destination } = await this.#connectToPublish(name, declare);
    const { vhost } = destination;
    const needed = delay?.(destination, delayName(this.#config, vhost));
    const settings = this.#publishing(connection, vhost, window);
    const publisher = await Publisher.open(
      connection,
      needed ? { ...settings, ...(await this.#delaying(connection, vhost, needed)) } : settings,
    );
    this.#publishers.push(publisher);
    return { publisher, destination };
  }

  /** Opens a publisher to any exchange or queue of a vhost, by the broker's names. Nothing is declared. */
  async vhostPublisher(vhost: string, window: number): Promise<Publisher> {
    const connection = await this.#connectOnly('publish', vhost);
    const publisher = await Publisher.open(connection, this.#publishing(connection, vhost, window));
    this.#publishers.push(publisher);
    return publisher;
  }

  /**
   * Opens a publisher for the outcomes of a handler (replies, retries) in the vhost of a subscription. Declares those
   * of `queues` that rascal.json defines. The result contains:
   * - `declared`: the declared queues by the broker's name, with their options, and the queues of `later` that exist
   *   and that the user may not declare. The options are `undefined` if mq must not declare the queue.
   * - `dead`: the target of dead letters, if one is configured.
   * - `existingOnly`: a function that returns those of the given queues that exist and that mq must not declare.
   * @throws MqError NOT_PERMITTED if the user may not declare one of `later` and it does not exist, and TOPOLOGY if one
   * of `later` does not exist and nothing is declared
   */
  async outcomePublisher(
    vhost: string,
    { onChannel, queues, dead, later = [] }: OutcomeSettings,
  ): Promise<{
    publisher: Publisher;
    dead: Destination | undefined;
    declared: ReadonlyMap<string, QueueOptions | undefined>;
    existingOnly: (queues: readonly string[]) => Promise<ReadonlySet<string>>;
  }> {
    if (dead) requireSameVhost(this.#config, vhost, dead);
    const defined = queues.filter((queue) => Object.hasOwn(this.#config.vhosts[vhost]?.queues ?? {}, queue));
    const named = dead && 'queue' in dead ? [...defined, dead.queue] : defined;
    // Rascal exposes the broker's name of a queue as the destination of a publication.
    const publicationOf = (queue: string) => `mq queue ${queue}`;
    const own = Object.fromEntries(named.map((queue) => [publicationOf(queue), { vhost, queue }]));
    const deadName = dead && ('queue' in dead ? publicationOf(dead.queue) : dead.publication);
    const publications = [...new Set([...Object.keys(own), ...(deadName === undefined ? [] : [deadName])])];
    const connection = await this.#connections.open('outcomes', {
      config: { ...this.#config, publications: { ...this.#config.publications, ...own } },
      needs: { publications, subscriptions: [], extraQueues: { [vhost]: {} } },
    });
    const nameOf = (queue: string) => destinationOf(connection, publicationOf(queue)).routingKey;
    const byFile = new Map(named.map((queue) => [nameOf(queue), connection.queueOptions(vhost, queue)]));
    const existing = (names: readonly string[]) =>
      (this.declares ? existingOnly : presentOnly)({ connection, vhost, redact: this.#redact }, names);
    const foreign = await existing(later.filter((queue) => !byFile.has(queue)));
    const publisher = await Publisher.open(connection, { ...this.#publishing(connection, vhost, 256), onChannel });
    this.#publishers.push(publisher);
    return {
      publisher,
      declared: new Map([...[...foreign].map((queue) => [queue, undefined] as const), ...byFile]),
      dead: deadName === undefined ? undefined : destinationOf(connection, deadName),
      existingOnly: existing,
    };
  }

  /**
   * Opens a queue that holds one message, by the broker's name. Declares it unless nothing is declared. Returns a
   * publisher for its connection, and the body of the message, which is `undefined` if the queue is empty.
   */
  async lastValue(vhost: string, queue: LastValueQueue): Promise<{ publisher: Publisher; stored: Buffer | undefined }> {
    const connection = await this.#connectOnly('offset', vhost);
    try {
      const stored = await readLastValue(() => connection.channel(vhost), queue, this.declares);
      const settings = { ...this.#publishing(connection, vhost, 1), tracer: undefined };
      const publisher = await Publisher.open(connection, settings);
      this.#publishers.push(publisher);
      return { publisher, stored };
    } catch (error) {
      throw failureOf(error, this.#redact);
    }
  }

  /** Connects to a queue or stream for reading, by the broker's name, without declaring. After a loss, every call fails. */
  async queueReader(vhost: string, queue: string): Promise<QueueReader> {
    return QueueReader.open(await this.#connectOnly('read', vhost, 'never'), { vhost, queue, redact: this.#redact });
  }

  /** Opens a listener for exchanges of a vhost, by the broker's names. Nothing of rascal.json is declared. */
  async listener(vhost: string): Promise<Listener> {
    const connection = await this.#connectOnly('listen', vhost);
    return Listener.open(connection, { vhost, redact: this.#redact });
  }

  /** Connects to a vhost to tap exchanges, by the broker's names. Nothing of rascal.json is declared. */
  async tapper(vhost: string): Promise<Tapper> {
    return new Tapper(await this.#connectOnly('tap', vhost), { vhost, redact: this.#redact });
  }

  /** Connects to a vhost once: after a loss, every call fails. Nothing of rascal.json is declared. */
  async singleConnection(vhost: string): Promise<SingleConnection> {
    const connection = await this.#connectOnly('replace', vhost);
    const addresses = this.#settings.addresses ?? this.#config.vhosts[vhost]?.connections ?? [];
    const { user = 'guest' } = addresses[connection.address] ?? {};
    return new SingleConnection(connection, { vhost, user, redact: this.#redact });
  }

  /** Connects to a vhost to declare single objects by the broker's names. Nothing of rascal.json is declared. */
  async declarer(vhost: string): Promise<Declarer> {
    return new Declarer(await this.#connectOnly('declare', vhost), { vhost, redact: this.#redact });
  }

  /** Connects to a vhost to read its state. Nothing is declared. */
  async observer(vhost: string): Promise<Observer> {
    return new Observer(await this.#connectOnly('read', vhost), vhost);
  }

  /**
   * Declares all exchanges and bindings of the configuration, all its queues that are not private to a connection, and
   * the given queues by vhost and name.
   */
  async declareAll(extraQueues: Readonly<Record<string, Readonly<Record<string, QueueConfig>>>> = {}): Promise<void> {
    const publications: Record<string, PublicationConfig> = {};
    const queues: Record<string, Record<string, QueueConfig>> = {};
    for (const [vhost, { exchanges, queues: own }] of Object.entries(this.#config.vhosts)) {
      for (const exchange of Object.keys(exchanges))
        publications[`mq exchange ${exchange} of ${vhost}`] = { vhost, exchange };
      const shared = Object.entries(own).filter(([, queue]) => !isPrivate(queue));
      queues[vhost] = { ...Object.fromEntries(shared), ...extraQueues[vhost] };
    }
    const needs = { publications: Object.keys(publications), subscriptions: [], extraQueues: queues };
    const config = { ...this.#config, publications, declare: true };
    const connection = await this.#connections.open('declare', { config, needs, isStrict: true });
    for (const vhost of Object.keys(this.#config.vhosts)) {
      const declarer = new Declarer(connection, { vhost, redact: this.#redact });
      await declareObjects(declarer, configuredDelays(this.#config, vhost));
    }
  }

  /**
   * Connects for requests. Nothing is declared, because a request to a missing queue must be reported as unroutable.
   */
  async requester(
    name: string,
    settings: { window: number; ownQueue: boolean; replyTimeoutMs: number },
  ): Promise<{ requester: Requester; destination: Destination }> {
    const { connection, destination } = await this.#connectToPublish(name, false);
    const requester = await Requester.open(connection, {
      ...this.#publishing(connection, destination.vhost, settings.window),
      ...settings,
    });
    this.#publishers.push(requester);
    return { requester, destination };
  }

  /**
   * Connects, declares what the subscription needs, and returns a consumer that is not started yet, with the tracer of its
   * messages.
   */
  async consumer(
    name: string,
    { prefetch, bindingKeys, timeoutMs, stream = {} }: ConsumerNeeds,
  ): Promise<{ consumer: Consumer; vhost: string; tracer?: MessageTracer | undefined }> {
    refuseEncryption(`subscription '${name}'`, this.#config.subscriptions[name]?.rest['encryption']);
    const connection = await this.#connections.open('consume', {
      config: this.#config,
      needs: {
        publications: [],
        subscriptions: [name],
        ...(bindingKeys && { bindingKeys: { [name]: [...bindingKeys] } }),
      },
    });
    const configured = connection.config.subscriptions[name];
    if (!configured) throw new MqError('BUG', `Rascal has no subscription '${name}'`);
    const { vhost, options } = configured;
    const consumer = new Consumer(connection, {
      vhost,
      subscription: name,
      prefetch,
      stream,
      options: withConsumerTimeout(options, timeoutMs, connection.queueOf(name).declaredArguments),
      counts: this.counts,
      redact: this.#redact,
    });
    return { consumer, vhost, tracer: this.#tracer(connection, vhost) };
  }

  /** Closes gracefully. Never rejects. */
  async close(): Promise<void> {
    for (const publisher of this.#publishers) publisher.close();
    await this.#connections.close();
  }

  /**
   * Destroys all connections at once. Unconfirmed messages are in doubt, and the broker requeues unacknowledged ones.
   */
  abort(error: MqError): void {
    this.abandon(error);
    this.#connections.abort(error);
  }

  /** Marks all unconfirmed messages as in doubt. The connections stay open. */
  abandon(error: MqError): void {
    for (const publisher of this.#publishers) publisher.abandon(error);
  }

  /** Connects to a vhost without declaring anything. */
  #connectOnly(purpose: string, vhost: string, reconnect?: ReconnectLimit): Promise<BrokerConnection> {
    const needs = { publications: [], subscriptions: [], extraQueues: { [vhost]: {} }, declare: false };
    return this.#connections.open(purpose, { config: this.#config, needs, reconnect });
  }

  async #connectToPublish(
    name: string,
    declare: boolean,
  ): Promise<{ connection: BrokerConnection; destination: Destination }> {
    refuseEncryption(`publication '${name}'`, this.#config.publications[name]?.encryption);
    const needs = { publications: [name], subscriptions: [], declare };
    const connection = await this.#connections.open('publish', { config: this.#config, needs });
    return { connection, destination: destinationOf(connection, name) };
  }

  /** Prepares the broker for delayed messages, and returns the settings that differ for their publisher. */
  async #delaying(connection: BrokerConnection, vhost: string, needed: NeededForDelay) {
    const prepare = () => prepareDelay(connection, needed, { vhost, redact: this.#redact, declares: this.declares });
    await prepare();
    let isFirst = true;
    const onChannel = async () => {
      // The broker of a later connection may be another one, or it may have lost the queues.
      if (!isFirst) await prepare();
      isFirst = false;
    };
    const { exchange, routingKey } = needed.destination;
    const stream = streamOf(this.#config, vhost)?.(exchange, routingKey);
    return { onChannel, streamOf: stream === undefined ? undefined : () => stream };
  }

  #publishing(connection: BrokerConnection, vhost: string, window: number) {
    const { confirmTimeoutMs: timeoutMs, limitsBlocking } = this.#settings;
    return {
      ...{ vhost, window, timeoutMs, limitsBlocking, counts: this.counts, redact: this.#redact },
      streamOf: streamOf(this.#config, vhost),
      tracer: this.#tracer(connection, vhost),
    };
  }

  #tracer(connection: BrokerConnection, vhost: string): MessageTracer | undefined {
    const addresses = this.#settings.addresses ?? this.#config.vhosts[vhost]?.connections ?? [];
    return this.#settings.tracer?.on(() => {
      const { hostname = 'localhost', port, protocol } = addresses[connection.address] ?? {};
      return { host: hostname, port: port ?? (protocol === 'amqps' ? 5671 : 5672) };
    });
  }
}

/**
 * Replaces random namespaces with fixed ones. Rascal would choose another one for each connection, but all connections
 * of a session must use the same one.
 */
function withFixedNamespaces(config: Config): Config {
  const vhosts = Object.fromEntries(
    Object.entries(config.vhosts).map(([name, vhost]) => [
      name,
      vhost.namespace === true ? { ...vhost, namespace: time.randomUUID() } : vhost,
    ]),
  );
  return { ...config, vhosts };
}
