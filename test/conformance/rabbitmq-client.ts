// Jobs of rabbitmq-client: its channels, consumers, publishers and RPC clients.

import { type Channel, Connection, ConsumerStatus, type Envelope } from 'rabbitmq-client';
import { eventually, gathering, type Job, messageOf, named, runJobs, url } from './program.ts';

interface Link {
  readonly rabbit: Connection;
  readonly channel: Channel;
}

/** Returns a job with a connection and a channel. If the client throws, its error is the answer of the job. */
function linked(work: (link: Link) => Promise<unknown>): Job {
  return async () => {
    const rabbit = connect();
    const channel = await rabbit.acquire({ emitErrorsFromChannel: true });
    const closed = new Promise((done) => channel.once('error', (error) => done(errorOf(error))));
    try {
      return await work({ rabbit, channel });
    } catch (error) {
      // The error of a pending request reports only that the channel is closed. The event contains the reason.
      return messageOf(error) === 'channel is closed' ? await closed : errorOf(error);
    } finally {
      rabbit.unsafeDestroy();
    }
  };
}

function connect(address = url): Connection {
  const rabbit = new Connection({ url: address, connectionTimeout: 60_000, retryLow: 60_000, retryHigh: 60_000 });
  rabbit.on('error', () => undefined); // a job that needs the error adds its own listener
  return rabbit;
}

function errorOf(error: unknown): object {
  const { name, code } = error as { name?: string; code?: string };
  return { name, code, text: messageOf(error) };
}

/** Returns the first event of a connection: an error or `open`. */
function handshake(address: string): Promise<unknown> {
  return new Promise((done) => {
    const rabbit = connect(address);
    rabbit.on('error', (error) => {
      done(errorOf(error));
      rabbit.unsafeDestroy();
    });
    rabbit.on('connection', () => done('open'));
  });
}

async function queue(channel: Channel, name: string, args: Record<string, unknown> = {}): Promise<string> {
  return (await channel.queueDeclare({ queue: named(name), exclusive: true, arguments: args })).queue;
}

async function bodies(channel: Channel, from: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (;;) {
    const message = await channel.basicGet({ queue: from, noAck: true });
    if (message === undefined) return found;
    found.push(message.body);
  }
}

const take = (channel: Channel, from: string) => eventually(() => channel.basicGet({ queue: from, noAck: true }));

await runJobs({
  'connection.start-ok wrong password': () => handshake(url.replace(/\/\/.*@/, '//guest:wrong@')),
  'connection.open unknown vhost': () => handshake(`${url}/${named('vhost')}`),
  'queueDeclare, counts and passive': linked(async ({ channel }) => {
    const name = await queue(channel, 'counts');
    await channel.basicPublish(name, 'x');
    await eventually(async () => (await channel.queueDeclare({ queue: name, passive: true })).messageCount === 1);
    return await channel.queueDeclare({ queue: name, passive: true });
  }),
  'queueDeclare server-named': linked(({ channel }) => channel.queueDeclare({ exclusive: true })),
  'queueDeclare passive missing': linked(({ channel }) =>
    channel.queueDeclare({ queue: named('missing'), passive: true }),
  ),
  'queueDeclare inequivalent': linked(async ({ channel }) => {
    await queue(channel, 'same', { 'x-max-length': 1 });
    return await queue(channel, 'same', { 'x-max-length': 2 });
  }),
  'queueDelete if-empty and purge': linked(async ({ channel }) => {
    const name = await queue(channel, 'deleted');
    await channel.confirmSelect();
    await channel.basicPublish(name, 'x');
    return [await channel.queuePurge(name), await channel.queueDelete({ queue: name, ifEmpty: true })];
  }),
  'exchangeDeclare, bind, unbind, delete': linked(async ({ channel }) => {
    const [first, second] = [named('first'), named('second')];
    await channel.exchangeDeclare({ exchange: first, type: 'direct' });
    await channel.exchangeDeclare({ exchange: second, type: 'fanout' });
    await channel.exchangeBind({ destination: second, source: first, routingKey: 'k' });
    const name = await queue(channel, 'end');
    await channel.queueBind({ queue: name, exchange: second });
    for (const routingKey of ['k', 'other']) await channel.basicPublish({ exchange: first, routingKey }, routingKey);
    await channel.exchangeUnbind({ destination: second, source: first, routingKey: 'k' });
    await channel.queueUnbind({ queue: name, exchange: second });
    for (const exchange of [first, second]) await channel.exchangeDelete({ exchange });
    return await bodies(channel, name);
  }),
  'exchangeDeclare inequivalent': linked(({ channel }) =>
    channel.exchangeDeclare({ exchange: 'amq.direct', type: 'topic', durable: true }),
  ),
  'exchangeDelete missing': linked(({ channel }) => channel.exchangeDelete({ exchange: named('missing') })),
  'basicPublish every property': linked(async ({ channel }) => {
    const name = await queue(channel, 'properties');
    const properties = {
      ...{ appId: 'a', contentType: 'text/plain', contentEncoding: 'utf-8', correlationId: 'c', durable: true },
      ...{ expiration: '60000', messageId: 'm', priority: 3, replyTo: 'r', timestamp: 1_700_000_000, type: 't' },
      headers: { int: 1, long: 5_000_000_000, text: 'späť', list: [1, ['two']], table: { a: { b: true } }, none: null },
    };
    await channel.basicPublish({ routingKey: name, ...properties }, 'body');
    return await take(channel, name);
  }),
  'basicPublish JSON': linked(async ({ channel }) => {
    const name = await queue(channel, 'json');
    await channel.basicPublish({ routingKey: name, timestamp: 1_700_000_000 }, { späť: [1, null] });
    return await take(channel, name);
  }),
  'basicPublish missing exchange': linked(async ({ channel }) => {
    await channel.confirmSelect();
    await channel.basicPublish({ exchange: named('missing'), routingKey: 'k' }, 'x');
    return 'confirmed';
  }),
  'basicPublish mandatory': linked(async ({ channel }) => {
    const returned = new Promise((done) => channel.on('basic.return', done));
    await channel.confirmSelect();
    await channel.basicPublish({ routingKey: named('nobody'), mandatory: true, timestamp: 1_700_000_000 }, 'back');
    return [await returned, 'confirmed'];
  }),
  'basicPublish nacked': linked(async ({ channel }) => {
    const name = await queue(channel, 'full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await channel.confirmSelect();
    await channel.basicPublish(name, 'in');
    return await channel.basicPublish(name, 'out');
  }),
  'basicPublish immediate': linked(async ({ channel }) => {
    const name = await queue(channel, 'now');
    await channel.confirmSelect();
    // The types of the client allow only `undefined`.
    const envelope = { routingKey: name, immediate: true } as unknown as Envelope;
    return await channel.basicPublish(envelope, 'x');
  }),
  'basicConsume, ack, nack, cancel': linked(async ({ channel }) => {
    const name = await queue(channel, 'consumed');
    for (const body of ['1', '2']) await channel.basicPublish(name, body);
    await channel.basicQos({ prefetchCount: 1 });
    const got = gathering<unknown>();
    const { consumerTag } = await channel.basicConsume({ queue: name, consumerTag: 'tag' }, (message) => {
      const { deliveryTag, redelivered, body } = message;
      if (redelivered || body === '2') channel.basicAck({ deliveryTag });
      else channel.basicNack({ deliveryTag, requeue: true });
      got.add([body, redelivered, deliveryTag]);
    });
    await got.until(3);
    return [got.all, await channel.basicCancel(consumerTag), await bodies(channel, name)];
  }),
  'basicConsume cancelled by the broker': linked(async ({ channel }) => {
    const name = await queue(channel, 'watched');
    const cancelled = new Promise((done) => channel.on('basic.cancel', (tag, error) => done([tag, errorOf(error)])));
    await channel.basicConsume({ queue: name, consumerTag: 'tag' }, () => undefined);
    await channel.queueDelete(name);
    return await cancelled;
  }),
  'basicAck unknown tag': linked(async ({ channel }) => {
    channel.basicAck({ deliveryTag: 7 });
    return await channel.queueDeclare({ exclusive: true });
  }),
  basicRecover: linked(async ({ channel }) => {
    const name = await queue(channel, 'recovered');
    await channel.basicPublish(name, 'x');
    await eventually(() => channel.basicGet({ queue: name }));
    await channel.basicRecover({ requeue: true });
    return (await take(channel, name)).redelivered;
  }),
  tx: linked(async ({ channel }) => {
    const name = await queue(channel, 'tx');
    await channel.txSelect();
    await channel.basicPublish(name, 'rolled back');
    await channel.txRollback();
    await channel.basicPublish(name, 'committed');
    await channel.txCommit();
    return await bodies(channel, name);
  }),
  'Consumer: its own queue, bindings and outcomes': linked(async ({ rabbit, channel }) => {
    const [dead, alive] = [await queue(channel, 'dead'), named('alive')];
    const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead, 'x-expires': 60_000 };
    const got = gathering<unknown>();
    const outcomes = { drop: ConsumerStatus.DROP, requeue: ConsumerStatus.REQUEUE };
    const consumer = rabbit.createConsumer(
      {
        queue: alive,
        queueOptions: { durable: true, arguments: toDead },
        exchanges: [{ exchange: named('topics'), type: 'topic', autoDelete: true }],
        queueBindings: [{ queue: alive, exchange: named('topics'), routingKey: 'a.*' }],
        qos: { prefetchCount: 1 },
      },
      ({ routingKey, body, redelivered }) => {
        got.add([routingKey, body, redelivered]);
        return redelivered ? ConsumerStatus.ACK : outcomes[body as keyof typeof outcomes];
      },
    );
    await new Promise<void>((done) => consumer.on('ready', done));
    const publisher = rabbit.createPublisher({ confirm: true });
    for (const body of ['drop', 'requeue', 'ack']) {
      await publisher.send({ exchange: named('topics'), routingKey: 'a.b' }, body);
    }
    await got.until(4);
    await consumer.close();
    await publisher.close();
    const { headers } = await take(channel, dead);
    await channel.queueDelete(alive);
    return [got.all, headers];
  }),
  'RPCClient by direct reply-to': linked(async ({ rabbit, channel }) => {
    const requests = await queue(channel, 'requests');
    const consumer = rabbit.createConsumer({ queue: requests, queueOptions: { passive: true } }, (message, reply) =>
      reply(`re: ${message.body}`),
    );
    await new Promise<void>((done) => consumer.on('ready', done));
    const client = rabbit.createRPCClient({ confirm: true });
    const answers = await Promise.all(['one', 'two'].map(async (body) => (await client.send(requests, body)).body));
    await client.close();
    await consumer.close();
    return answers;
  }),
});
