// A session holds the broker connections of one role over a checked configuration. Publishing and consuming use
// separate connections (RabbitMQ: an alarm blocks publishing connections by TCP back-pressure, and consumers must
// continue).

import { randomUUID } from 'node:crypto';
import type { ConfirmChannel } from 'amqplib/callback_api';
import type { Config, ConnectionConfig, PublicationConfig, QueueConfig } from '../config/config.ts';
import { isPrivate } from '../config/config.ts';
import { rascalConfig } from '../config/rascal-settings.ts';
import { redactor, secretsOf } from '../config/redact.ts';
import type { DeadLetterConfig } from '../config/role.ts';
import type { Say } from '../context.ts';
import { MqError } from '../errors.ts';
import { Browser, type Keeper } from './browser.ts';
import { type Link, openLink } from './connecting/link.ts';
import { Consumer } from './consumer.ts';
import type { Counts } from './counts.ts';
import { existingOnly } from './declaring/configure.ts';
import { openExisting } from './declaring/existing.ts';
import type { ReconnectLimit } from './giving-up.ts';
import { Listener } from './listener.ts';
import { Observer } from './observer.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import { Publisher } from './publisher.ts';
import { Requester } from './requester.ts';

export interface SessionSettings {
  readonly config: Config;
  /** Addresses from --url or MQ_URL. If `undefined`, those of rascal.json are used. */
  readonly addresses: readonly ConnectionConfig[] | undefined;
  /** Name of the role. It is part of the connection name. */
  readonly role: string;
  /** Milliseconds without an answer until messages are in doubt. */
  readonly confirmTimeoutMs: number;
  /** Limit for reconnecting. If `undefined`, mq reconnects forever. */
  readonly reconnect?: ReconnectLimit | undefined;
  /** Logs connection events: lost, restored, blocked. */
  readonly say: Say;
  /** Counters that are updated as events occur. */
  readonly counts: Counts;
}

/** Target of a publication, with the broker's names. */
export interface Destination {
  readonly vhost: string;
  readonly exchange: string;
  /** Default routing key. For a queue it is the queue's name. */
  readonly routingKey: string;
  /** The publication's own options (headers, expiration, …). */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Options of queue.declare, with amqplib's names. */
export type QueueOptions = Readonly<Record<string, unknown>>;

export interface OutcomeSettings {
  /** Called with each new channel before anything is sent on it. */
  readonly onChannel: (channel: ConfirmChannel) => Promise<void>;
  /** Names that the queues would have in rascal.json. */
  readonly queues: readonly string[];
  /** Target of dead letters instead of mq's own queue. */
  readonly dead: DeadLetterConfig | undefined;
  /** The broker's names of queues that are declared on first use. */
  readonly later?: readonly string[];
}

export interface ConsumerNeeds {
  readonly prefetch: number;
  readonly bindingKeys?: readonly string[];
  /** Milliseconds that a message can be unacknowledged. `undefined` means that the limit is unknown. */
  readonly timeoutMs?: number | undefined;
}

const heartbeatSeconds = 10;
/** RabbitMQ's default consumer timeout. */
const brokerTimeoutMs = 30 * 60_000;
const closeTimeoutMs = 5000;

export class Session {
  readonly #settings: SessionSettings;
  readonly #config: Config;
  readonly #redact: (text: string) => string;
  readonly #links: Link[] = [];
  /** Links that are reconnecting. */
  readonly #lost = new Set<Link>();
  #isClosed = false;
  readonly #publishers: { close(): void; abandon(error: MqError): void }[] = [];

  constructor(settings: SessionSettings) {
    this.#settings = settings;
    this.#config = withFixedNamespaces(settings.config);
    this.#redact = redactor(secretsOf({ config: this.#config, addresses: settings.addresses ?? [] }));
  }

  get counts(): Counts {
    return this.#settings.counts;
  }

  /** Connects, declares what the publication needs (unless `declare` is false), and returns a publisher. */
  async publisher(
    name: string,
    { window, declare = true }: { window: number; declare?: boolean },
  ): Promise<{ publisher: Publisher; destination: Destination }> {
    const { link, destination } = await this.#publishingLink(name, declare);
    const publisher = await Publisher.open(link, this.#publishing(destination.vhost, window));
    this.#publishers.push(publisher);
    return { publisher, destination };
  }

  /**
   * Opens a publisher for the outcomes of a handler (replies, retries) in the vhost of a subscription. The queues of
   * `queues` that rascal.json defines are declared as defined there. `declared` contains their broker names and
   * declaration options. It also contains the queues of `later` that exist and that the user may not declare (with
   * `undefined`). `existingOnly` checks further queues in the same way.
   * @throws MqError NOT_PERMITTED if the user may not declare one of `later` and it does not exist
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
    refuseElsewhere(this.#config, vhost, dead);
    const defined = queues.filter((queue) => Object.hasOwn(this.#config.vhosts[vhost]?.queues ?? {}, queue));
    const named = dead && 'queue' in dead ? [...defined, dead.queue] : defined;
    // Rascal exposes the broker's name of a queue as the destination of a publication.
    const own = Object.fromEntries(named.map((queue) => [`mq queue ${queue}`, { vhost, queue }]));
    const config = { ...this.#config, publications: { ...this.#config.publications, ...own } };
    const deadName = dead && ('queue' in dead ? `mq queue ${dead.queue}` : dead.publication);
    const link = await this.#open(
      'outcomes',
      {
        publications: [...new Set([...Object.keys(own), ...(deadName === undefined ? [] : [deadName])])],
        subscriptions: [],
        extraQueues: { [vhost]: {} },
      },
      { config },
    );
    const byFile = new Map(
      named.map((queue) => [destinationOf(link, `mq queue ${queue}`).routingKey, link.queueOptions(vhost, queue)]),
    );
    const ask = (queues: readonly string[]) => existingOnly({ link, vhost, redact: this.#redact }, queues);
    const existing = await ask(later.filter((queue) => !byFile.has(queue)));
    const publisher = await Publisher.open(link, { ...this.#publishing(vhost, 256), onChannel });
    this.#publishers.push(publisher);
    return {
      publisher,
      declared: new Map([...[...existing].map((queue) => [queue, undefined] as const), ...byFile]),
      dead: deadName === undefined ? undefined : destinationOf(link, deadName),
      existingOnly: ask,
    };
  }

  /** Opens a queue for reading, by the broker's name. Nothing is declared. */
  async browser(vhost: string, queue: string, keeper: Keeper): Promise<Browser> {
    const needs = { publications: [], subscriptions: [], extraQueues: { [vhost]: {} }, declare: false };
    const link = await this.#open('look', needs);
    return Browser.open(link, { vhost, queue, keeper, redact: this.#redact });
  }

  /** Opens a listener for exchanges of a vhost, by the broker's names. Nothing of rascal.json is declared. */
  async listener(vhost: string): Promise<Listener> {
    const needs = { publications: [], subscriptions: [], extraQueues: { [vhost]: {} }, declare: false };
    const link = await this.#open('listen', needs);
    return Listener.open(link, { vhost, redact: this.#redact });
  }

  /** Connects to a vhost to read its state. Nothing is declared. */
  async observer(vhost: string): Promise<Observer> {
    const needs = { publications: [], subscriptions: [], extraQueues: { [vhost]: {} }, declare: false };
    return new Observer(await this.#open('look', needs), vhost);
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
    await this.#open('declare', needs, { config: { ...this.#config, publications }, isStrict: true });
  }

  /**
   * Connects for requests. Nothing is declared, because a request to a missing queue must be reported as unroutable.
   */
  async requester(
    name: string,
    settings: { window: number; ownQueue: boolean; replyTimeoutMs: number },
  ): Promise<{ requester: Requester; destination: Destination }> {
    const { link, destination } = await this.#publishingLink(name, false);
    const requester = await Requester.open(link, {
      ...this.#publishing(destination.vhost, settings.window),
      ...settings,
    });
    this.#publishers.push(requester);
    return { requester, destination };
  }

  /** Connects, declares what the subscription needs, and returns a consumer that is not started yet. */
  async consumer(
    name: string,
    { prefetch, bindingKeys, timeoutMs }: ConsumerNeeds,
  ): Promise<{ consumer: Consumer; vhost: string }> {
    refuseEncryption(`subscription '${name}'`, this.#config.subscriptions[name]?.rest['encryption']);
    const link = await this.#open('consume', {
      publications: [],
      subscriptions: [name],
      ...(bindingKeys && { bindingKeys: { [name]: [...bindingKeys] } }),
    });
    const configured = link.config.subscriptions[name];
    if (!configured) throw new MqError('BUG', `Rascal has no subscription '${name}'`);
    const { vhost, options } = configured;
    const consumer = new Consumer(link, {
      vhost,
      subscription: name,
      prefetch,
      options: withTimeout(options, timeoutMs, link.declaredArguments(name)),
      counts: this.counts,
      redact: this.#redact,
    });
    return { consumer, vhost };
  }

  /** Closes gracefully. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const publisher of this.#publishers) publisher.close();
    await Promise.all(this.#links.map((link) => link.close()));
  }

  /** Ends everything at once: unconfirmed messages are in doubt, and unacknowledged ones are requeued. */
  abort(error: MqError): void {
    this.#isClosed = true;
    for (const publisher of this.#publishers) publisher.abandon(error);
    for (const link of this.#links) link.abort();
  }

  async #publishingLink(name: string, declare: boolean): Promise<{ link: Link; destination: Destination }> {
    refuseEncryption(`publication '${name}'`, this.#config.publications[name]?.encryption);
    const link = await this.#open('publish', { publications: [name], subscriptions: [], declare });
    return { link, destination: destinationOf(link, name) };
  }

  #publishing(vhost: string, window: number) {
    const { confirmTimeoutMs: timeoutMs } = this.#settings;
    return { vhost, window, timeoutMs, counts: this.counts, redact: this.#redact };
  }

  async #open(
    purpose: string,
    needs: Pick<
      Parameters<typeof rascalConfig>[1],
      'publications' | 'subscriptions' | 'bindingKeys' | 'extraQueues' | 'declare'
    >,
    { config = this.#config, isStrict = false } = {},
  ): Promise<Link> {
    const { addresses, role, reconnect } = this.#settings;
    const connectionName = `mq ${role} ${purpose} ${randomUUID().slice(0, 8)}`;
    const settings = rascalConfig(config, {
      ...needs,
      ...(addresses && { addresses: [...addresses] }),
      connectionName,
      heartbeatSeconds,
    });
    const common = { connectionName, closeTimeoutMs, reconnect, redact: this.#redact };
    const open = (rascal: typeof settings) => openLink({ rascalConfig: rascal, ...common });
    const link = await (isStrict ? open(settings) : openExisting(settings, open));
    if (this.#isClosed) {
      await link.close();
      throw new MqError('UNAVAILABLE', 'the session was closed while it connected');
    }
    this.#links.push(link);
    this.#observe(link, purpose);
    return link;
  }

  #observe(link: Link, connection: string): void {
    const { say, counts } = this.#settings;
    let isBlocked = false;
    const block = (now: boolean) => {
      if (now !== isBlocked) counts.blocked += now ? 1 : -1;
      isBlocked = now;
    };
    counts.connections += 1;
    counts.connected += 1;
    link.on('lost', (error) => {
      counts.connected -= 1;
      counts.lost += 1;
      block(false);
      const { code, message } = error;
      const fields = { connection, code };
      // The cause usually affects all connections, so it is logged once.
      if (this.#lost.size === 0) say({ level: 'warn', event: 'lost', message: `${message}; connecting again`, fields });
      this.#lost.add(link);
    });
    // The other connections would detect the problem by themselves, but much later.
    link.on('left', (error, address) => {
      for (const other of this.#links) if (other !== link && other.address === address) other.leave(error);
    });
    link.on('connected', () => {
      counts.connected += 1;
      counts.reconnected += 1;
      this.#lost.delete(link);
      if (this.#lost.size === 0) say({ event: 'connected', message: 'connected again', fields: { connection } });
    });
    link.on('blocked', (reason) => {
      block(true);
      const message = `the broker blocks publishing: ${reason}`;
      say({ level: 'warn', event: 'blocked', message, fields: { connection } });
    });
    link.on('unblocked', () => {
      block(false);
      say({ event: 'unblocked', message: 'the broker takes messages again', fields: { connection } });
    });
  }
}

/**
 * Returns the options of basic.consume, with a longer consumer timeout if messages can be unacknowledged for longer
 * than the default. RabbitMQ 4.3 supports it for quorum queues and refuses it for others (406); 4.0 ignores it and uses
 * the queue's timeout.
 */
function withTimeout(
  options: Readonly<Record<string, unknown>>,
  timeoutMs: number | undefined,
  declared: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  const given = Object(options['arguments']) as Record<string, unknown>;
  const isSet = 'x-consumer-timeout' in { ...declared, ...given };
  if (timeoutMs === undefined || timeoutMs <= brokerTimeoutMs || isSet) return options;
  if (declared?.['x-queue-type'] !== 'quorum') return options;
  return { ...options, arguments: { ...given, 'x-consumer-timeout': timeoutMs } };
}

/** Message for a publisher. */
export type { OutgoingMessage };

/**
 * Throws if the dead-letter target is in another vhost, because a channel publishes in one vhost only. `mq check`
 * reports this for roles of the file, but not for built-in ones.
 */
function refuseElsewhere({ vhosts, publications }: Config, vhost: string, dead: DeadLetterConfig | undefined): void {
  if (!dead) return;
  const isThere = 'queue' in dead ? vhosts[vhost]?.queues[dead.queue] : publications[dead.publication]?.vhost === vhost;
  if (isThere) return;
  const place = 'queue' in dead ? `queue '${dead.queue}'` : `publication '${dead.publication}'`;
  throw new MqError('CONFIG', `the ${place} for dead letters is not in the vhost '${vhost}'`, {
    hint: 'give the role or its subscription a deadLetter of its own (mq.roles, mq.subscriptions)',
  });
}

function destinationOf(link: Link, name: string): Destination {
  const publication = link.config.publications[name];
  if (!publication) throw new MqError('BUG', `Rascal has no publication '${name}'`);
  const { vhost, exchange, destination, routingKey = '', options } = publication;
  const toQueue = exchange === undefined;
  return {
    vhost,
    options,
    exchange: toQueue ? '' : destination,
    routingKey: toQueue ? destination : routingKey,
  };
}

/**
 * Throws if encryption is configured. Encryption is part of Rascal's publish and subscribe, which mq does not use, and
 * mq must not send plain text instead.
 */
function refuseEncryption(what: string, encryption: unknown): void {
  if (encryption === undefined) return;
  throw new MqError('CONFIG', `the ${what} has encryption, which mq does not do`, {
    hint: 'encrypt in the handler, or use Rascal itself',
  });
}

/**
 * Fixes random namespaces. Rascal creates a new one for each broker object, and a session has several that must agree.
 */
function withFixedNamespaces(config: Config): Config {
  const vhosts = Object.fromEntries(
    Object.entries(config.vhosts).map(([name, vhost]) => [
      name,
      vhost.namespace === true ? { ...vhost, namespace: randomUUID() } : vhost,
    ]),
  );
  return { ...config, vhosts };
}
