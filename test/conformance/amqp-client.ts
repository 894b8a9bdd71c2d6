// Jobs of @cloudamqp/amqp-client. This client can send most methods of the protocol and checks few of them itself.

import { type AMQPChannel, AMQPClient, type AMQPMessage } from '@cloudamqp/amqp-client';
import {
  type Closed,
  eventually,
  gathering,
  type Job,
  messageOf,
  named,
  password,
  runJobs,
  url,
  user,
} from './program.ts';

/** Returns a job with a connection and a channel. If the broker closes one of them, the close is the answer of the job. */
function linked(work: (channel: AMQPChannel, client: AMQPClient) => Promise<unknown>): Job {
  return async () => {
    const client = new AMQPClient(`${url}/`);
    await client.connect();
    try {
      return await work(await client.channel(), client);
    } catch (error) {
      return closing(error);
    } finally {
      await client.close().catch(() => undefined);
    }
  };
}

/** Parses the error message of the client, which contains scope, text and code. */
function closing(error: unknown): Closed | { threw: string } {
  const match = /(connection|channel)(?: \d+)? closed: (.*) \((\d+)\)/s.exec(messageOf(error));
  if (match === null) return { threw: messageOf(error) };
  return { scope: match[1] as Closed['scope'], code: Number(match[3]), text: match[2] ?? '' };
}

async function handshake(address: string): Promise<unknown> {
  const client = new AMQPClient(address);
  try {
    await client.connect();
    return 'open';
  } catch (error) {
    return closing(error);
  }
}

async function queue(channel: AMQPChannel, name: string, args = {}): Promise<string> {
  return (await channel.queueDeclare(named(name), { exclusive: true, durable: false }, args)).name;
}

async function bodies(channel: AMQPChannel, from: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (;;) {
    const message = await channel.basicGet(from);
    if (message === null) return found;
    found.push(message.bodyString());
  }
}

const take = (channel: AMQPChannel, from: string) =>
  eventually(async () => (await channel.basicGet(from)) ?? undefined);

function seen(message: AMQPMessage): object {
  const { exchange, routingKey, redelivered, properties, replyCode, replyText } = message;
  return { exchange, routingKey, redelivered, replyCode, replyText, ...properties, body: message.bodyString() };
}

await runJobs({
  'connection.start-ok wrong password': () => handshake(url.replace(/\/\/.*@/, '//guest:wrong@')),
  'connection.open unknown vhost': () => handshake(`${url}/${named('vhost')}`),
  'connection.tune with lower limits': async () => {
    const client = new AMQPClient(`${url}/?frameMax=8192&channelMax=3&heartbeat=5`);
    await client.connect();
    const channel = await client.channel();
    const name = await queue(channel, 'small.frames');
    await channel.basicPublish('', name, 'x'.repeat(30_000));
    const { length } = (await take(channel, name)).bodyString() ?? '';
    const answer = { frameMax: client.frameMax, channelMax: client.channelMax, heartbeat: client.heartbeat, length };
    await client.close();
    return answer;
  },
  'connection.update-secret': linked(async (channel, client) => {
    await client.updateSecret(password, 'renewal');
    return await queue(channel, 'after');
  }),
  'connection.close with a reason': linked(async (_, client) => await client.close('done with it', 200)),
  'channel.close with a reason': linked(async (channel) => await channel.close('done with it', 200)),
  'channel.flow': linked(async (channel) => await channel.basicFlow(true)),
  'channel.flow stop': linked(async (channel) => await channel.basicFlow(false)),
  'queue.declare server-named': linked(async (channel) => await channel.queueDeclare('')),
  'queue.declare passive missing': linked((channel) => channel.queueDeclare(named('missing'), { passive: true })),
  'queue.declare reserved name': linked((channel) => channel.queueDeclare('amq.mine')),
  'queue.declare inequivalent': linked(async (channel) => {
    await queue(channel, 'same', { 'x-message-ttl': 1000 });
    return await queue(channel, 'same', { 'x-message-ttl': 1001 });
  }),
  'queue.delete if-empty': linked(async (channel) => {
    const name = await queue(channel, 'full');
    await channel.basicPublish('', name, 'x');
    return await channel.queueDelete(name, { ifUnused: false, ifEmpty: true });
  }),
  'queue.bind, unbind, purge': linked(async (channel) => {
    const name = await queue(channel, 'bound');
    await channel.queueBind(name, 'amq.topic', named('a.*'), { nothing: 'much' });
    await channel.basicPublish('amq.topic', named('a.b'), 'x');
    const purged = await channel.queuePurge(name);
    await channel.queueUnbind(name, 'amq.topic', named('a.*'), { nothing: 'much' });
    await channel.basicPublish('amq.topic', named('a.b'), 'y');
    return [purged, await bodies(channel, name)];
  }),
  'exchange.declare unknown type': linked((channel) =>
    channel.exchangeDeclare(named('odd'), 'unknowntype' as 'direct', { durable: false }),
  ),
  'exchange.bind and unbind': linked(async (channel) => {
    const exchange = named('end');
    await channel.exchangeDeclare(exchange, 'fanout', { durable: false, autoDelete: true });
    const name = await queue(channel, 'end');
    await channel.queueBind(name, exchange, '');
    await channel.exchangeBind(exchange, 'amq.direct', named('k'));
    await channel.basicPublish('amq.direct', named('k'), 'in');
    await channel.exchangeUnbind(exchange, 'amq.direct', named('k'));
    await channel.basicPublish('amq.direct', named('k'), 'out');
    return await bodies(channel, name);
  }),
  'basic.publish every property': linked(async (channel) => {
    const name = await queue(channel, 'properties');
    await channel.basicPublish('', name, 'späť', {
      ...{ contentType: 'text/plain', contentEncoding: 'utf-8', deliveryMode: 2, priority: 3, correlationId: 'c' },
      ...{ replyTo: 'r', expiration: '60000', messageId: 'm', timestamp: new Date(1_700_000_000_000), type: 't' },
      ...{ userId: user, appId: 'a' },
      headers: { int: 1, long: 5_000_000_000, double: 1.5, text: 'späť', list: [1, ['two']], date: new Date(0) },
    });
    return seen(await take(channel, name));
  }),
  'basic.publish immediate': linked(async (channel) => {
    await channel.confirmSelect();
    return await channel.basicPublish('', await queue(channel, 'now'), 'x', {}, false, true);
  }),
  'basic.publish mandatory': linked(async (channel) => {
    const returned: object[] = [];
    channel.onReturn = (message) => returned.push(seen(message));
    await channel.confirmSelect();
    const tag = await channel.basicPublish('', named('unbound'), 'back', { headers: { a: 1 } }, true);
    return [returned, tag];
  }),
  'basic.publish nacked': linked(async (channel) => {
    const name = await queue(channel, 'full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await channel.confirmSelect();
    const first = await channel.basicPublish('', name, 'in');
    const second = await channel.basicPublish('', name, 'out').catch(messageOf);
    return [first, second, await bodies(channel, name)];
  }),
  'basic.publish two hundred at once': linked(async (channel) => {
    const name = await queue(channel, 'many');
    await channel.confirmSelect();
    const tags = await Promise.all(Array.from({ length: 200 }, () => channel.basicPublish('', name, 'x')));
    return [tags.length, tags.at(-1), (await channel.queueDeclare(name, { passive: true })).messageCount];
  }),
  'basic.consume exclusive': linked(async (channel) => {
    const name = await queue(channel, 'only.one');
    await channel.basicConsume(name, { exclusive: true }, () => undefined);
    return await channel.basicConsume(name, {}, () => undefined);
  }),
  'basic.consume, nack multiple': linked(async (channel) => {
    const name = await queue(channel, 'nacked');
    for (const body of ['1', '2', '3']) await channel.basicPublish('', name, body);
    const got = gathering<unknown>();
    await channel.basicQos(2);
    await channel.basicConsume(name, { noAck: false, tag: 'tag' }, async (message) => {
      got.add([message.bodyString(), message.redelivered]);
      if (got.all.length === 2) await channel.basicNack(message.deliveryTag, true, true);
      else if (got.all.length > 2) await message.ack();
    });
    await got.until(5);
    await channel.basicCancel('tag');
    return got.all;
  }),
  'basic.reject': linked(async (channel) => {
    const name = await queue(channel, 'rejected');
    for (const body of ['1', '2']) await channel.basicPublish('', name, body);
    await (await channel.basicGet(name, { noAck: false }))?.reject(false);
    await (await channel.basicGet(name, { noAck: false }))?.reject(true);
    return seen(await take(channel, name));
  }),
  'basic.recover': linked(async (channel) => {
    const name = await queue(channel, 'recovered');
    await channel.basicPublish('', name, 'x');
    await channel.basicGet(name, { noAck: false });
    await channel.basicRecover(true);
    return seen(await take(channel, name));
  }),
  'basic.recover without requeue': linked(async (channel) => await channel.basicRecover(false)),
  'basic.qos prefetch-size': linked(async (channel) => await channel.basicQos(1, 1000)),
  'basic.ack unknown tag': linked(async (channel) => {
    await channel.basicAck(3);
    return await queue(channel, 'after');
  }),
  'basic.cancel by the broker': linked(async (channel) => {
    const name = await queue(channel, 'watched');
    const consumer = await channel.basicConsume(name, { tag: 'tag' }, () => undefined);
    const ended = consumer.wait().catch(messageOf);
    await channel.queueDelete(name);
    return await ended;
  }),
  'direct reply-to': linked(async (channel) => {
    const requests = await queue(channel, 'requests');
    await channel.basicConsume(requests, { noAck: true }, async (message) => {
      await channel.basicPublish('', message.properties.replyTo ?? '', `re: ${message.bodyString()}`);
    });
    const replies = gathering<unknown>();
    await channel.basicConsume('amq.rabbitmq.reply-to', { noAck: true }, (message) =>
      replies.add(message.bodyString()),
    );
    await channel.basicPublish('', requests, 'question', { replyTo: 'amq.rabbitmq.reply-to' });
    return await replies.until(1);
  }),
  'dead letter by x-message-ttl': linked(async (channel) => {
    const dead = await queue(channel, 'dead');
    const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead, 'x-message-ttl': 5 };
    await channel.basicPublish('', await queue(channel, 'alive', toDead), 'old', { headers: { kept: true } });
    return seen(await take(channel, dead));
  }),
  'tx.commit and tx.rollback': linked(async (channel) => {
    const name = await queue(channel, 'tx');
    await channel.txSelect();
    await channel.basicPublish('', name, 'rolled back');
    await channel.txRollback();
    await channel.basicPublish('', name, 'committed');
    await channel.txCommit();
    return await bodies(channel, name);
  }),
  'tx.commit without tx.select': linked(async (channel) => await channel.txCommit()),
});
