// A session: what one role does with the broker over a checked configuration. Publishing and consuming have a
// connection each (RabbitMQ: an alarm stops publishing connections by TCP back-pressure; consumers must go on).

import { randomUUID } from 'node:crypto';
import type { ConfirmChannel } from 'amqplib/callback_api';
import type { Config, ConnectionConfig, DeadLetterConfig, PublicationConfig, QueueConfig } from '../config/config.ts';
import { isPrivate } from '../config/reach.ts';
import { redactor, secretsOf } from '../config/redact.ts';
import { rascalConfig } from '../config/runtime.ts';
import type { Say } from '../context.ts';
import { MqError } from '../errors.ts';
import { Browser, type Keeper } from './browser.ts';
import { existingOnly } from './configure.ts';
import { Consumer } from './consumer.ts';
import type { Counts } from './counts.ts';
import { openExisting } from './existing.ts';
import type { ReconnectLimit } from './giving-up.ts';
import { type Link, openLink } from './link.ts';
import { Listener } from './listener.ts';
import { Observer } from './observer.ts';
import { type OutgoingMessage, Publisher } from './publisher.ts';
import { Requester } from './requester.ts';

export interface SessionSettings {
  readonly config: Config;
  /** From --url or MQ_URL; undefined: those of rascal.json. */
  readonly addresses: readonly ConnectionConfig[] | undefined;
  /** The role's name; it becomes part of the connection's name. */
  readonly role: string;
  /** Milliseconds without an answer until messages are in doubt. */
  readonly confirmTimeoutMs: number;
  /** When to end instead of connecting again; undefined: never. */
  readonly reconnect?: ReconnectLimit | undefined;
  /** Said to a person: a connection was lost, came back, was blocked. */
  readonly say: Say;
  /** Counted into as things happen. */
  readonly counts: Counts;
}

/** Where a publication leads, with every name as the broker knows it. */
export interface Destination {
  readonly vhost: string;
  readonly exchange: string;
  /** The default key; for a queue, its name. */
  readonly routingKey: string;
  /** The publication's own options (headers, expiration, …). */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The options of queue.declare, as amqplib names them. */
export type QueueOptions = Readonly<Record<string, unknown>>;

export interface OutcomeSettings {
  /** Called with each new channel, before anything is sent on it. */
  readonly onChannel: (channel: ConfirmChannel) => Promise<void>;
  /** Names that the queues would have in rascal.json. */
  readonly queues: readonly string[];
  /** Where dead messages go instead of a queue of mq's own. */
  readonly dead: DeadLetterConfig | undefined;
  /** By the broker's names: queues that will be declared when they are needed first. */
  readonly later?: readonly string[];
}

export interface ConsumerNeeds {
  readonly prefetch: number;
  readonly bindingKeys?: readonly string[];
  /** Milliseconds that a message can be in hand; undefined: no bound is known. */
  readonly timeoutMs?: number | undefined;
}

const heartbeatSeconds = 10;
/** RabbitMQ's default for the consumer timeout. */
const brokerTimeoutMs = 30 * 60_000;
const closeTimeoutMs = 5000;

export class Session {
  readonly #settings: SessionSettings;
  readonly #config: Config;
  readonly #redact: (text: string) => string;
  readonly #links: Link[] = [];
  /** The links that are connecting again. */
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

  /** Connects, declares what the publication needs (unless `declare` is false), and gives a publisher for it. */
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
   * A publisher for whatever a handler's outcome needs (replies, retries), in the vhost of a subscription. `queues`: what
   * rascal.json defines of them is declared as it says. `declared` has the broker's names of these, with the options of
   * their declarations, and of those of `later` that exist and that the account may not declare (undefined).
   * `existingOnly` asks the same for further queues.
   * @throws MqError NOT_PERMITTED if the account may not declare one of `later` and it does not exist
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
    // Rascal knows the name of a queue at the broker as the destination of a publication.
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

  /** Looks through a queue by the broker's name of it. Nothing is declared. */
  async browser(vhost: string, queue: string, keeper: Keeper): Promise<Browser> {
    const needs = { publications: [], subscriptions: [], extraQueues: { [vhost]: {} }, declare: false };
    const link = await this.#open('look', needs);
    return Browser.open(link, { vhost, queue, keeper, redact: this.#redact });
  }

  /** Listens to exchanges of a vhost, by the broker's names of them. Nothing of rascal.json is declared. */
  async listener(vhost: string): Promise<Listener> {
    const needs = { publications: [], subscriptions: [], extraQueues: { [vhost]: {} }, declare: false };
    const link = await this.#open('listen', needs);
    return Listener.open(link, { vhost, redact: this.#redact });
  }

  /** Connects to a vhost to ask what is there. Nothing is declared. */
  async observer(vhost: string): Promise<Observer> {
    const needs = { publications: [], subscriptions: [], extraQueues: { [vhost]: {} }, declare: false };
    return new Observer(await this.#open('look', needs), vhost);
  }

  /**
   * Declares every exchange and binding of the configuration, every queue that is not one connection's own, and the given
   * queues by vhost and name.
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

  /** Connects for requests. Nothing is declared: a missing queue must show as unroutable. */
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

  /** Connects, declares what the subscription needs, and gives a consumer that has not started yet. */
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

  /** An orderly close. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const publisher of this.#publishers) publisher.close();
    await Promise.all(this.#links.map((link) => link.close()));
  }

  /** Ends everything at once: what is unconfirmed is in doubt, what is unacknowledged goes back. */
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
      // What ends one connection mostly ends the others: a person is told once.
      if (this.#lost.size === 0) say({ level: 'warn', event: 'lost', message: `${message}; connecting again`, fields });
      this.#lost.add(link);
    });
    // The other connections would find out by themselves, and much later.
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
 * The options of basic.consume, with a longer consumer timeout where messages can be in hand for longer than the default.
 * RabbitMQ 4.3 has it for quorum queues and refuses it for others (406); 4.0 ignores it and uses that of the queue.
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

/** A message for a publisher, from its parts. */
export type { OutgoingMessage };

/** One channel publishes in one vhost. `mq check` sees it for the roles of the file, not for the built-in ones. */
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

/** Message encryption is part of Rascal's own publish and subscribe, which mq does not use; plain text must not slip out. */
function refuseEncryption(what: string, encryption: unknown): void {
  if (encryption === undefined) return;
  throw new MqError('CONFIG', `the ${what} has encryption, which mq does not do`, {
    hint: 'encrypt in the handler, or use Rascal itself',
  });
}

/** Rascal makes a new random namespace per broker object; a session has several, which must agree. */
function withFixedNamespaces(config: Config): Config {
  const vhosts = Object.fromEntries(
    Object.entries(config.vhosts).map(([name, vhost]) => [
      name,
      vhost.namespace === true ? { ...vhost, namespace: randomUUID() } : vhost,
    ]),
  );
  return { ...config, vhosts };
}
