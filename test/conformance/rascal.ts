// Jobs of Rascal: topologies from a configuration, outcomes of publications, and recovery strategies of subscriptions.

import rascal from 'rascal';
import { gathering, type Job, messageOf, named, runJobs, url } from './program.ts';

type Emitter = { on(event: string, take: (...args: unknown[]) => void): Emitter };
interface Broker {
  publish(name: string, body: unknown, options?: object | string): Promise<Emitter>;
  subscribe(name: string, options?: object): Promise<Emitter & { cancel(): Promise<void> }>;
  purge(): Promise<void>;
  nuke(): Promise<void>;
  shutdown(): Promise<void>;
  on(event: string, take: (error: Error) => void): void;
}
interface Received {
  readonly properties: { readonly headers: Record<string, unknown> };
  readonly fields: Record<string, unknown>;
}
const { BrokerAsPromised } = rascal as unknown as { BrokerAsPromised: { create(config: object): Promise<Broker> } };

/** Returns a job with the topology below, which it deletes at its end. */
function configured(work: (broker: Broker) => Promise<unknown>, changes: object = {}): Job {
  return async () => {
    const broker = await BrokerAsPromised.create({ vhosts: { '/': { ...topology(), ...changes } } });
    broker.on('error', () => undefined);
    try {
      return await work(broker);
    } finally {
      await broker.nuke();
    }
  };
}

function topology(): object {
  const args = { 'x-dead-letter-exchange': named('dead'), 'x-dead-letter-routing-key': 'dead' };
  return {
    connection: { url: `${url}/`, socketOptions: { timeout: 60_000 } },
    namespace: false,
    exchanges: {
      [named('work')]: { type: 'topic' },
      [named('dead')]: { type: 'direct' },
      [named('retry')]: { type: 'direct' },
    },
    queues: {
      [named('q1')]: { options: { arguments: args } },
      [named('dead')]: {},
      [named('wait')]: {
        options: {
          arguments: { 'x-message-ttl': 20, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': named('q1') },
        },
      },
    },
    bindings: {
      work: { source: named('work'), destination: named('q1'), bindingKeys: ['a.*', 'b.#'] },
      dead: { source: named('dead'), destination: named('dead'), bindingKey: 'dead' },
      chain: { source: named('work'), destination: named('retry'), destinationType: 'exchange', bindingKey: 'r.#' },
      wait: { source: named('retry'), destination: named('wait'), bindingKey: 'r.1' },
    },
    publications: {
      work: { exchange: named('work'), routingKey: 'a.b' },
      straight: { queue: named('q1') },
      plain: { exchange: named('work'), routingKey: 'a.b', confirm: false },
    },
    subscriptions: {
      q1: { queue: named('q1'), prefetch: 2 },
      dead: { queue: named('dead') },
    },
  };
}

/** Returns the events of a publication until it has succeeded or failed. */
async function published(broker: Broker, name: string, body: unknown, options?: object): Promise<unknown[]> {
  const events: unknown[] = [];
  const publication = await broker.publish(name, body, options);
  return await new Promise((done) => {
    publication.on('return', (message) => events.push({ return: (message as Received).fields }));
    publication.on('success', () => done([...events, 'success']));
    publication.on('error', (error) => done([...events, { error: messageOf(error) }]));
  });
}

/** Starts a subscription. It applies `recoveries[body]` to a message with that body when it arrives for the first time. */
async function receiving(broker: Broker, name: string, recoveries: Record<string, object[]> = {}) {
  const got = gathering<unknown>();
  const subscription = await broker.subscribe(name);
  subscription.on('error', () => undefined);
  subscription.on('message', (message, content, ackOrNack) => {
    const { headers } = (message as Received).properties;
    const { redelivered, routingKey } = (message as Received).fields;
    const { rascal: own, ...others } = headers;
    const attempt = (own as { recovery?: object } | undefined)?.recovery;
    got.add({ content: String(content), redelivered, routingKey, headers: others, recovered: attempt !== undefined });
    const again = redelivered === true || attempt !== undefined;
    const recovery = again ? undefined : recoveries[String(content)];
    const settle = ackOrNack as (error?: Error, recovery?: object[]) => void;
    if (recovery === undefined) settle();
    else settle(new Error('on purpose'), recovery);
  });
  return { ...got, cancel: () => subscription.cancel() };
}

await runJobs({
  'create: exchanges, queues and bindings': configured(async (broker) => {
    const { until } = await receiving(broker, 'q1');
    for (const routingKey of ['a.b', 'a.b.c', 'b', 'b.c.d', 'r.1']) {
      await published(broker, 'work', routingKey, { routingKey });
    }
    return (await until(4)).map((message) => (message as { content: string; routingKey: string }).content).sort();
  }),
  'create: unknown vhost': async () => {
    try {
      await BrokerAsPromised.create({
        vhosts: { [named('vhost')]: { connection: { url: `${url}/${named('vhost')}` } } },
      });
      return 'created';
    } catch (error) {
      return messageOf(error).replace(/amqp:\S+/, '<url>');
    }
  },
  'create: inequivalent queue': configured(async () => {
    try {
      const queues = { [named('q1')]: { options: { arguments: { 'x-max-length': 1 } } } };
      await BrokerAsPromised.create({
        vhosts: { '/': { connection: { url: `${url}/` }, namespace: false, queues } },
      });
      return 'created';
    } catch (error) {
      return messageOf(error);
    }
  }),
  'create: check of a missing queue': async () => {
    try {
      const queues = { [named('missing')]: { assert: false, check: true } };
      await BrokerAsPromised.create({ vhosts: { '/': { connection: { url: `${url}/` }, namespace: false, queues } } });
      return 'created';
    } catch (error) {
      return messageOf(error);
    }
  },
  'publish: confirmed, JSON, text and bytes': configured(async (broker) => {
    const { until } = await receiving(broker, 'q1');
    const outcomes: unknown[] = [];
    for (const body of ['text', { json: 1 }, Buffer.from('bytes')]) {
      outcomes.push(await published(broker, 'straight', body, { options: { messageId: 'id', type: 't' } }));
    }
    return [outcomes, (await until(3)).length];
  }),
  'publish: without confirms': configured(async (broker) => {
    const { until } = await receiving(broker, 'q1');
    return [await published(broker, 'plain', 'x'), (await until(1)).length];
  }),
  'publish: unroutable and mandatory': configured(
    async (broker) => await published(broker, 'work', 'x', { routingKey: 'nowhere', options: { mandatory: true } }),
  ),
  'subscribe: ack, nack to the dead letter queue': configured(async (broker) => {
    const work = await receiving(broker, 'q1', { bad: [{ strategy: 'nack' }] });
    const dead = await receiving(broker, 'dead');
    for (const body of ['good', 'bad']) await published(broker, 'straight', body);
    return [await work.until(2), await dead.until(1)];
  }),
  'subscribe: nack with requeue': configured(async (broker) => {
    const work = await receiving(broker, 'q1', { again: [{ strategy: 'nack', requeue: true }] });
    await published(broker, 'straight', 'again');
    return await work.until(2);
  }),
  'subscribe: republish': configured(async (broker) => {
    const work = await receiving(broker, 'q1', { again: [{ strategy: 'republish', attempts: 2 }] });
    await published(broker, 'work', 'again');
    return (await work.until(2)).map((message) => (message as { recovered: boolean }).recovered);
  }),
  'subscribe: forward to a delay queue': configured(async (broker) => {
    const forward = { strategy: 'forward', publication: 'work', options: { routingKey: 'r.1' } };
    const work = await receiving(broker, 'q1', { later: [forward] });
    await published(broker, 'straight', 'later');
    return (await work.until(2)).map((message) => (message as { redelivered: boolean; content: string }).content);
  }),
  'subscribe: cancelled': configured(async (broker) => {
    const work = await receiving(broker, 'q1');
    await work.cancel();
    await published(broker, 'straight', 'left');
    await broker.purge();
    const later = await receiving(broker, 'q1');
    await published(broker, 'straight', 'next');
    return [work.all, (await later.until(1)).length];
  }),
});
