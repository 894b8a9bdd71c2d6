// Implements the fixtures that use AMQP with mq's own sessions.

import { parseAddresses } from '../config/address.ts';
import type { Config, SubscriptionConfig } from '../config/config.ts';
import { MqError } from '../errors.ts';
import { type Message, plainProperties } from '../handlers/handler.ts';
import type { FileTarget, Published, ReceivedMessage, SentMessage } from '../harness/target.ts';
import type { OutgoingMessage } from '../session/outgoing-message.ts';
import type { Publisher } from '../session/publisher.ts';
import type { Requester } from '../session/requester.ts';
import type { Destination, Session } from '../session/session.ts';
import { fixtureRole as role } from './connection-name.ts';

export interface SessionFixtures extends Pick<FileTarget, 'publish' | 'request' | 'listen' | 'deadLettersOf'> {
  close(): Promise<void>;
}

/** Returns the fixtures. They connect on first use. */
export function sessionFixtures(config: Config, urls: readonly string[]): SessionFixtures {
  const addresses = parseAddresses(urls.join(','), { at: '--on', code: 'USAGE' });
  const load = once(async () => {
    const [{ Session: Made }, outgoing, { messageOf }, { newCounts }] = await Promise.all([
      import('../session/session.ts'),
      import('../roles/outgoing.ts'),
      import('../roles/message.ts'),
      import('../session/counts.ts'),
    ]);
    return { Session: Made, ...outgoing, messageOf, newCounts, nextId: outgoing.messageIds() };
  });
  const open = async (config: Config): Promise<Session> => {
    const { Session: Made, newCounts } = await load();
    return new Made({ config, addresses, role, confirmTimeoutMs, counts: newCounts(), say: () => undefined });
  };
  const shared = once(() => open(config));
  const publishers = new Map<string, Promise<{ publisher: Publisher; destination: Destination }>>();
  const requesters = new Map<string, Promise<{ requester: Requester; destination: Destination }>>();
  let isOpen = false;
  const session = () => {
    isOpen = true;
    return shared();
  };
  const outgoingOf = async (destination: Destination, sent: SentMessage): Promise<OutgoingMessage> => {
    const { outgoing, nextId } = await load();
    const { body, routingKey, headers, properties = {}, persistent, mandatory = true } = sent;
    const all = { ...properties, ...(headers && { headers: { ...headers } }) };
    return outgoing({ destination, nextId, routingKey, properties: all, persistent, mandatory })(body);
  };
  return {
    publish: async (publication, sent): Promise<Published> => {
      // All concurrent callers share one publisher, because two publishers would not preserve the order.
      const { publisher, destination } = await opened(publishers, publication, async () =>
        (await session()).publisher(publication, { window: 256 }),
      );
      const message = await outgoingOf(destination, sent);
      const outcome = await publisher.publish(message);
      if (outcome.type !== 'confirmed') throw outcome.error;
      const { exchange, routingKey, properties } = message;
      return {
        outcome: outcome.type,
        messageId: properties.messageId,
        exchange,
        routingKey,
        headers: properties.headers ?? {},
      };
    },
    request: async (publication, sent, withinMs): Promise<ReceivedMessage> => {
      const key = `${withinMs} ${publication}`;
      const settings = { window: 64, ownQueue: false, replyTimeoutMs: withinMs };
      const { requester, destination } = await opened(requesters, key, async () =>
        (await session()).requester(publication, settings),
      );
      const { messageOf } = await load();
      const reply = receivedOf(messageOf(await requester.request(await outgoingOf(destination, sent)), ''));
      const { 'x-mq-error': refusal } = reply.headers;
      if (typeof refusal === 'string') throw new MqError('BAD_DATA', `the server refused the request: ${refusal}`);
      return reply;
    },
    listen: async (source, { keys, onMessage }) => {
      const { messageOf } = await load();
      const subscription = typeof source === 'string' ? source : `mq queue ${source.queue}`;
      const own = await open(typeof source === 'string' ? config : withQueue(config, subscription, source.queue));
      try {
        const prefetch = isStream(config, subscription) ? streamPrefetch : 0;
        const { consumer } = await own.consumer(subscription, { prefetch, ...(keys && { bindingKeys: keys }) });
        consumer.on('delivery', (delivery) => {
          const message = receivedOf(messageOf(delivery.raw, delivery.queue));
          onMessage(message, { ack: () => delivery.ack(), putBack: () => delivery.nack(true) });
        });
        await consumer.start();
        return {
          // The answer to a request on its channel arrives after all earlier deliveries.
          settled: async () => void (await consumer.ready()),
          stop: () => consumer.stop(),
          close: () => own.close(),
        };
      } catch (error) {
        await own.close();
        throw error;
      }
    },
    deadLettersOf: async (name) => {
      const { deadQueueOf } = await import('../config/dead-queue.ts');
      return { queue: deadQueueOf(config, name, "expectMessage({ queue: '…' }) names any queue").queue };
    },
    close: async () => {
      if (isOpen) await (await shared()).close();
    },
  };
}

/** RabbitMQ: a consumer of a stream must have a prefetch. */
const streamPrefetch = 1000;

function isStream(config: Config, subscription: string): boolean {
  const { vhost = '', queue = '' } = config.subscriptions[subscription] ?? {};
  const given = config.vhosts[vhost]?.queues[queue]?.options?.['arguments'];
  return (given as Readonly<Record<string, unknown>> | undefined)?.['x-queue-type'] === 'stream';
}

/** Returns the configuration with a subscription to the queue. The queue is declared only if the file defines it. */
function withQueue(config: Config, subscription: string, queue: string): Config {
  const [first = '/'] = Object.keys(config.vhosts);
  const vhost = Object.keys(config.vhosts).find((name) => Object.hasOwn(config.vhosts[name]?.queues ?? {}, queue));
  if (vhost !== undefined) return withSubscription(config, subscription, { vhost, queue, rest: {} });
  const there = config.vhosts[first];
  if (there === undefined) throw new MqError('CONFIG', 'rascal.json has no vhost');
  const queues = { ...there.queues, [queue]: { assert: false } };
  const wider = { ...config, vhosts: { ...config.vhosts, [first]: { ...there, queues } } };
  return withSubscription(wider, subscription, { vhost: first, queue, rest: {} });
}

function withSubscription(config: Config, name: string, subscription: SubscriptionConfig): Config {
  return { ...config, subscriptions: { ...config.subscriptions, [name]: subscription } };
}

const confirmTimeoutMs = 10_000;

function receivedOf({ body, fields, properties, headers }: Message): ReceivedMessage {
  return {
    body,
    text: body.toString('utf8'),
    json: () => JSON.parse(body.toString('utf8')) as unknown,
    fields,
    properties: { ...plainProperties(properties) },
    headers: { ...headers },
  };
}

/** Returns the value that is open under the key, or opens it. A failed attempt is repeated at the next call. */
function opened<T>(all: Map<string, Promise<T>>, key: string, open: () => Promise<T>): Promise<T> {
  const known = all.get(key);
  if (known !== undefined) return known;
  const opening = open();
  all.set(key, opening);
  opening.catch(() => all.delete(key));
  return opening;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
