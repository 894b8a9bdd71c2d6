// Publishes, requests and receives for the fixtures of a test file, with mq's own sessions.

import { parseAddresses } from '../config/address.ts';
import type { Config, SubscriptionConfig } from '../config/config.ts';
import type { Contracts } from '../contracts/contracts.ts';
import { MqError } from '../errors.ts';
import { type Message, plainProperties } from '../handlers/handler.ts';
import type {
  FixtureClient,
  Listening,
  ListenOptions,
  Published,
  ReceivedMessage,
  SentMessage,
  Source,
} from '../harness/target.ts';
import { connectionWithLogin } from '../login/apply.ts';
import type { Login } from '../login/login.ts';
import type { Delay } from '../roles/delay.ts';
import type { OutgoingMessage } from '../session/outgoing-message.ts';
import type { Publisher } from '../session/publisher.ts';
import type { Requester } from '../session/requester.ts';
import type { Destination, Session } from '../session/session.ts';
import { fixtureRole as role } from './connection-name.ts';
import { isStream } from './topology.ts';

interface OpenPublisher {
  readonly publisher: Publisher;
  readonly destination: Destination;
}

interface DelayedPublisher {
  readonly publisher: Publisher;
  readonly messageOf: (body: Buffer) => OutgoingMessage;
}

interface OpenRequester {
  readonly requester: Requester;
  readonly destination: Destination;
}

interface ClientSettings {
  readonly login?: Login | undefined;
  /** The schemas that rascal.json names. */
  readonly contracts: Contracts | undefined;
}

/** Connects when it is first used. */
export class SessionClient implements FixtureClient {
  readonly #config: Config;
  readonly #contracts: Contracts | undefined;
  readonly #addresses: ReturnType<typeof parseAddresses>;
  #modules: ReturnType<typeof loadModules> | undefined;
  #session: Promise<Session> | undefined;
  #replayer: Promise<Publisher> | undefined;
  readonly #publishers = new Map<string, Promise<OpenPublisher>>();
  readonly #delayedPublishers = new Map<string, Promise<DelayedPublisher>>();
  readonly #requesters = new Map<string, Promise<OpenRequester>>();

  constructor(config: Config, urls: readonly string[], { login = {}, contracts }: ClientSettings) {
    this.#config = config;
    this.#contracts = contracts;
    const addresses = parseAddresses(urls.join(','), { at: '--on', code: 'USAGE' });
    this.#addresses = addresses.map((one) => connectionWithLogin(one, login));
  }

  async publish(publication: string, sent: SentMessage): Promise<Published> {
    this.#assertMatch(publication, sent);
    const { publisher, message } = await this.#prepared(publication, sent);
    const outcome = await publisher.publish(message);
    if (outcome.type !== 'confirmed') throw outcome.error;
    const { exchange, routingKey, properties } = message;
    const { messageId, headers = {} } = properties;
    return { outcome: outcome.type, messageId, exchange, routingKey, headers };
  }

  /** Throws BAD_DATA for a body that does not match the schema of its publication. */
  #assertMatch(publication: string, { body, schema = true }: SentMessage): void {
    const contract = schema ? this.#contracts?.publications.get(publication) : undefined;
    const fault = contract?.bodyFault(body);
    if (contract === undefined || fault === undefined) return;
    const { file } = contract.document;
    throw new MqError('BAD_DATA', `the message to the publication "${publication}" does not match ${file}: ${fault}`, {
      hint: 'the option { schema: false } sends it all the same',
    });
  }

  /** Returns the message and the publisher for it. */
  async #prepared(publication: string, sent: SentMessage): Promise<{ publisher: Publisher; message: OutgoingMessage }> {
    const configured = this.#config.delays[publication];
    const delayMs = sent.delay ?? (typeof configured === 'number' ? configured : 0);
    if (delayMs > 0) {
      const delay = { type: delayMs === configured ? ('fixed' as const) : ('after' as const), ms: delayMs };
      return this.#delayed(publication, sent, delay);
    }
    // All concurrent callers share one publisher, because two publishers would not preserve the order.
    const { publisher, destination } = await opened(this.#publishers, publication, async () =>
      (await this.#shared()).publisher(publication, { window: 256 }),
    );
    return { publisher, message: await this.#outgoing(destination, sent) };
  }

  /** Like `#prepared`, for a message that arrives later. Messages that differ only in their bodies share a publisher. */
  async #delayed(publication: string, { body, ...sent }: SentMessage, delay: Delay) {
    const { publisher, messageOf } = await opened(
      this.#delayedPublishers,
      JSON.stringify([publication, sent, delay]),
      async () => {
        const { DelayedMessages } = await import('../roles/delay.ts');
        const delayed = new DelayedMessages(delay, partsOf(sent));
        const session = await this.#shared();
        const open = await session.publisher(publication, { window: 256, delay: delayed.needed });
        return { publisher: open.publisher, messageOf: delayed.series(open.destination) };
      },
    );
    return { publisher, message: messageOf(body) };
  }

  async replay(path: string, { schema = true, ...options }: Parameters<FixtureClient['replay']>[1]): Promise<number> {
    const [{ replayRecording }, session] = await Promise.all([import('./replay.ts'), this.#shared()]);
    const [vhost = '/'] = Object.keys(this.#config.vhosts);
    const open = async () => {
      this.#replayer ??= session.vhostPublisher(vhost, 256);
      return this.#replayer;
    };
    const errorOf = schema ? await this.#errorOf(vhost) : undefined;
    return replayRecording({ path, ...options, addresses: this.#addresses, open, errorOf });
  }

  /** Returns a function that checks messages by their exchange and routing key, or `undefined` without schemas. */
  async #errorOf(vhost: string) {
    if (!this.#contracts) return undefined;
    const { destinationCheck } = await import('../contracts/checked-sending.ts');
    return destinationCheck(this.#config, this.#contracts.publications, vhost)?.errorOf;
  }

  async request(publication: string, sent: SentMessage, withinMs: number): Promise<ReceivedMessage> {
    this.#assertMatch(publication, sent);
    const settings = { window: 64, ownQueue: false, replyTimeoutMs: withinMs };
    const { requester, destination } = await opened(this.#requesters, `${withinMs} ${publication}`, async () =>
      (await this.#shared()).requester(publication, settings),
    );
    const { messageOf } = await this.#load();
    const raw = await requester.request(await this.#outgoing(destination, sent));
    const reply = receivedOf(messageOf(raw, ''));
    const { 'x-mq-error': refusal } = reply.headers;
    if (typeof refusal === 'string') throw new MqError('BAD_DATA', `the server refused the request: ${refusal}`);
    return reply;
  }

  async listen(source: Source, options: ListenOptions): Promise<Listening> {
    const subscription = typeof source === 'string' ? source : `mq queue ${source.queue}`;
    const config = typeof source === 'string' ? this.#config : withQueue(this.#config, subscription, source.queue);
    const session = await this.#open(config);
    try {
      return await this.#consume(session, queueOptions(config, subscription), { ...options, subscription });
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async deadLettersOf(name: string): Promise<{ readonly queue: string }> {
    const { deadQueueOf } = await import('../config/dead-queue.ts');
    return { queue: deadQueueOf(this.#config, name, "expectMessage({ queue: '…' }) accepts any queue").queue };
  }

  async close(): Promise<void> {
    await (await this.#session)?.close();
  }

  async #consume(
    session: Session,
    queue: ReturnType<typeof queueOptions>,
    { subscription, keys, onMessage }: ListenOptions & { subscription: string },
  ): Promise<Listening> {
    const { messageOf } = await this.#load();
    const prefetch = isStream(queue) ? streamPrefetch : 0;
    const { consumer } = await session.consumer(subscription, { prefetch, ...(keys && { bindingKeys: keys }) });
    consumer.on('delivery', (delivery) => {
      const message = receivedOf(messageOf(delivery.raw, delivery.queue));
      onMessage(message, { ack: () => delivery.ack(), requeue: () => delivery.nack(true) });
    });
    await consumer.start();
    return {
      // The answer to a request on the consumer's channel arrives after all earlier deliveries.
      settled: async () => void (await consumer.ready()),
      stop: () => consumer.stop(),
      close: () => session.close(),
    };
  }

  async #outgoing(destination: Destination, sent: SentMessage): Promise<OutgoingMessage> {
    const { outgoing, nextId } = await this.#load();
    return outgoing({ destination, nextId, ...partsOf(sent) })(sent.body);
  }

  #shared(): Promise<Session> {
    this.#session ??= this.#open(this.#config);
    return this.#session;
  }

  async #open(config: Config): Promise<Session> {
    const { Session, newCounts } = await this.#load();
    const addresses = this.#addresses;
    return new Session({ config, addresses, role, confirmTimeoutMs, counts: newCounts(), say: () => undefined });
  }

  #load(): ReturnType<typeof loadModules> {
    this.#modules ??= loadModules();
    return this.#modules;
  }
}

function partsOf({ routingKey, headers, properties = {}, persistent, mandatory = true }: Omit<SentMessage, 'body'>) {
  const all = { ...properties, ...(headers && { headers: { ...headers } }) };
  return { routingKey, properties: all, persistent, mandatory };
}

async function loadModules() {
  const [{ Session }, { outgoing, messageIds }, { messageOf }, { newCounts }] = await Promise.all([
    import('../session/session.ts'),
    import('../roles/outgoing.ts'),
    import('../roles/message.ts'),
    import('../session/counts.ts'),
  ]);
  return { Session, outgoing, messageOf, newCounts, nextId: messageIds() };
}

/** RabbitMQ: a consumer of a stream must have a prefetch. */
const streamPrefetch = 1000;
const confirmTimeoutMs = 10_000;

function queueOptions({ subscriptions, vhosts }: Config, subscription: string) {
  const { vhost = '', queue = '' } = subscriptions[subscription] ?? {};
  return vhosts[vhost]?.queues[queue]?.options;
}

/** Returns the configuration with a subscription to the queue. The queue is declared only if the file defines it. */
function withQueue(config: Config, subscription: string, queue: string): Config {
  const [first = '/'] = Object.keys(config.vhosts);
  const vhost = Object.keys(config.vhosts).find((name) => Object.hasOwn(config.vhosts[name]?.queues ?? {}, queue));
  if (vhost !== undefined) {
    // A test expects the messages that were published before it asks for them, as on a queue.
    const fromFirst = { options: { arguments: { 'x-stream-offset': 'first' } } };
    const rest = isStream(config.vhosts[vhost]?.queues[queue]?.options) ? fromFirst : {};
    return withSubscription(config, subscription, { vhost, queue, rest });
  }
  const there = config.vhosts[first];
  if (there === undefined) throw new MqError('CONFIG', 'rascal.json has no vhost');
  const queues = { ...there.queues, [queue]: { assert: false } };
  const wider = { ...config, vhosts: { ...config.vhosts, [first]: { ...there, queues } } };
  return withSubscription(wider, subscription, { vhost: first, queue, rest: {} });
}

function withSubscription(config: Config, name: string, subscription: SubscriptionConfig): Config {
  return { ...config, subscriptions: { ...config.subscriptions, [name]: subscription } };
}

function receivedOf({ body, fields, properties, headers }: Message): ReceivedMessage {
  return {
    body,
    text: body.toString('utf8'),
    json: (): unknown => JSON.parse(body.toString('utf8')),
    fields,
    properties: { ...plainProperties(properties) },
    headers: { ...headers },
  };
}

/** Returns the value of the key, or opens it. If opening fails, the next call tries again. */
function opened<T>(all: Map<string, Promise<T>>, key: string, open: () => Promise<T>): Promise<T> {
  const known = all.get(key);
  if (known !== undefined) return known;
  const opening = open();
  all.set(key, opening);
  opening.catch(() => all.delete(key));
  return opening;
}
