// Jobs of amqplib: publishing, delivery and acknowledgement of messages.

import type { ConsumeMessage, Message } from 'amqplib';
import { bodies, type Link, linked, put, queue, refused, seen, take } from './amqplib-link.ts';
import { eventually, gathering, type Job, named, user } from './program.ts';

/** Declares a queue and publishes messages with these bodies to it. */
async function filled({ channel }: Link, name: string, held: readonly string[], args: object = {}): Promise<string> {
  const full = await queue(channel, name, { ...args });
  for (const body of held) channel.sendToQueue(full, Buffer.from(body));
  await channel.waitForConfirms();
  return full;
}

/** Starts a consumer and collects its messages. `null` is a cancellation by the broker. */
async function receiver({ channel }: Link, from: string, options: object = {}) {
  const got = gathering<ConsumeMessage | null>();
  const { consumerTag } = await channel.consume(from, got.add, options);
  return { ...got, consumerTag };
}

/** Consumes, and returns body and redelivered flag of each message. */
async function redelivered(link: Link, from: string, count: number): Promise<unknown> {
  const { until } = await receiver(link, from, { noAck: true });
  return (await until(count)).map((message) => [message?.content.toString(), message?.fields.redelivered]);
}

const everyProperty = {
  contentType: 'text/plain',
  contentEncoding: 'utf-8',
  deliveryMode: 2,
  priority: 5,
  correlationId: 'correlated',
  replyTo: 'reply',
  expiration: '60000',
  messageId: 'id',
  timestamp: 1_700_000_000,
  type: 'type',
  appId: 'app',
  headers: {
    text: 'späť',
    whole: 7,
    big: 5_000_000_000,
    negative: -3,
    fraction: 1.5,
    yes: true,
    nothing: null,
    list: [1, 'two', { three: 3 }],
    table: { deep: { deeper: 'x' } },
    bytes: Buffer.from('raw'),
  },
};

export const messages: Readonly<Record<string, Job>> = {
  'basic.publish every property': linked(async ({ channel }) => {
    const name = await queue(channel, 'properties');
    await put(channel, name, 'body', everyProperty);
    return seen(await take(channel, name));
  }),
  'basic.publish bodies of every size': linked(async ({ channel }) => {
    const name = await queue(channel, 'sizes');
    const sizes = [0, 1, 4088, 131_064, 131_065, 1_000_000];
    for (const size of sizes) channel.sendToQueue(name, Buffer.alloc(size, 'é'));
    await channel.waitForConfirms();
    const same: boolean[] = [];
    for (const size of sizes) same.push((await take(channel, name)).content.equals(Buffer.alloc(size, 'é')));
    return same;
  }),
  'basic.publish a body over the limit': refused(async ({ channel }) => {
    channel.sendToQueue(await queue(channel, 'huge'), Buffer.alloc(16 * 1024 * 1024 + 1));
    await channel.waitForConfirms();
  }),
  'basic.publish confirms': linked(async ({ channel, events }) => {
    const name = await queue(channel, 'confirmed');
    for (const body of ['one', 'two', 'three']) await put(channel, name, body);
    return { acked: events.length > 0, bodies: await bodies(channel, name) };
  }),
  'basic.publish missing exchange': refused(({ channel }) => channel.publish(named('missing'), 'k', Buffer.from('x'))),
  'basic.publish mandatory is returned, then acked': linked(async ({ channel, events }) => {
    channel.publish('amq.direct', named('nobody'), Buffer.from('back'), { mandatory: true, headers: { a: 1 } });
    await channel.waitForConfirms();
    return events;
  }),
  'basic.publish unroutable is acked': linked(async ({ channel, events }) => {
    channel.publish('amq.direct', named('nobody'), Buffer.from('gone'));
    await channel.waitForConfirms();
    return events;
  }),
  'basic.publish user-id of another user': refused(async ({ channel }) =>
    put(channel, await queue(channel, 'user'), 'x', { userId: 'somebody' }),
  ),
  'basic.publish own user-id': linked(async ({ channel }) => {
    const name = await queue(channel, 'user');
    await put(channel, name, 'x', { userId: user });
    return seen(await take(channel, name));
  }),
  'basic.publish invalid expiration': refused(async ({ channel }) =>
    put(channel, await queue(channel, 'expiring'), 'x', { expiration: 'soon' }),
  ),
  'basic.publish negative expiration': refused(async ({ channel }) =>
    put(channel, await queue(channel, 'expiring'), 'x', { expiration: '-1' }),
  ),
  'basic.publish CC and BCC': linked(async ({ channel }) => {
    const names = ['main', 'copy', 'blind'];
    for (const name of names) await queue(channel, name);
    await put(channel, named('main'), 'x', { CC: [named('copy'), named('main')], BCC: named('blind') });
    const got: unknown[] = [];
    for (const name of names) {
      got.push(seen(await take(channel, named(name))), await bodies(channel, named(name)));
    }
    return got;
  }),
  'basic.publish CC of a wrong type': refused(async ({ channel }) =>
    put(channel, await queue(channel, 'copied'), 'x', { headers: { CC: 7 } }),
  ),
  'basic.get': linked(async (link) => {
    const name = await filled(link, 'got', ['one', 'two', 'three']);
    const first = (await link.channel.get(name)) as Message;
    const second = (await link.channel.get(name)) as Message;
    link.channel.ack(first);
    link.channel.nack(second);
    const third = await take(link.channel, name);
    const { messageCount, ...fields } = third.fields as { messageCount?: number };
    return { ...seen({ ...third, fields: { ...third.fields, ...fields } }), messageCount };
  }),
  'basic.get empty': linked(async ({ channel }) => await channel.get(await queue(channel, 'empty'))),
  'basic.get missing': refused(({ channel }) => channel.get(named('missing'))),
  'basic.consume': linked(async (link) => {
    const name = await filled(link, 'consumed', ['one']);
    const { until, consumerTag } = await receiver(link, name);
    const [message] = await until(1);
    link.channel.ack(message as Message);
    return { consumerTag, fields: message?.fields };
  }),
  'basic.consume missing': refused(({ channel }) => channel.consume(named('missing'), () => undefined)),
  'basic.consume tag in use': refused(async ({ channel }) => {
    const name = await queue(channel, 'tagged');
    for (const noAck of [true, false]) await channel.consume(name, () => undefined, { consumerTag: 'tag', noAck });
  }),
  'basic.consume exclusive': refused(async ({ channel }) => {
    const name = await queue(channel, 'only.one');
    await channel.consume(name, () => undefined, { exclusive: true });
    await channel.consume(name, () => undefined);
  }),
  'basic.consume exclusive on a queue with a consumer': refused(async ({ channel }) => {
    const name = await queue(channel, 'only.one');
    await channel.consume(name, () => undefined);
    await channel.consume(name, () => undefined, { exclusive: true });
  }),
  'basic.consume invalid x-priority': refused(async ({ channel }) =>
    channel.consume(await queue(channel, 'ranked'), () => undefined, { arguments: { 'x-priority': 'high' } }),
  ),
  'basic.consume priorities': linked(async (link) => {
    const name = await queue(link.channel, 'ranked');
    const low = await receiver(link, name, { arguments: { 'x-priority': 1 }, noAck: true });
    const high = await receiver(link, name, { arguments: { 'x-priority': 5 }, noAck: true });
    for (const body of ['one', 'two']) await put(link.channel, name, body);
    await high.until(2);
    return [low.all.length, high.all.length];
  }),
  'basic.consume round robin': linked(async (link) => {
    const name = await queue(link.channel, 'shared');
    const all = gathering<string>();
    for (const consumer of ['a', 'b', 'c']) {
      await link.channel.consume(name, (message) => all.add(`${consumer}${message?.content}`), { noAck: true });
    }
    for (const body of ['1', '2', '3', '4', '5', '6']) await put(link.channel, name, body);
    return (await all.until(6)).sort();
  }),
  'basic.consume single active consumer': linked(async (link) => {
    const name = await queue(link.channel, 'single', { 'x-single-active-consumer': true });
    const first = await receiver(link, name, { consumerTag: 'first', noAck: true });
    const second = await receiver(link, name, { consumerTag: 'second', noAck: true });
    for (const body of ['one', 'two']) await put(link.channel, name, body);
    await first.until(2);
    await link.channel.cancel('first');
    await put(link.channel, name, 'three');
    await second.until(1);
    return [first, second].map(({ all }) => all.map((message) => message?.content.toString()));
  }),
  'basic.qos prefetch': linked(async (link) => {
    const name = await filled(link, 'fetched', ['1', '2', '3', '4', '5']);
    await link.channel.prefetch(2);
    const { all, until } = await receiver(link, name);
    const [first] = await until(2);
    const before = (await link.channel.checkQueue(name)).messageCount;
    link.channel.ack(first as Message);
    await until(3);
    return { before, after: (await link.channel.checkQueue(name)).messageCount, held: all.length };
  }),
  'basic.qos of each consumer': linked(async (link) => {
    const name = await filled(link, 'fetched', ['1', '2', '3', '4', '5']);
    await link.channel.prefetch(1);
    const first = await receiver(link, name);
    await link.channel.prefetch(2);
    const second = await receiver(link, name);
    await Promise.all([first.until(1), second.until(2)]);
    return [first.all.length, second.all.length, (await link.channel.checkQueue(name)).messageCount];
  }),
  'basic.qos global': linked(async ({ channel, closed }) => {
    const set = channel.prefetch(3, true);
    set.catch(() => undefined);
    return await Promise.race([set, closed]);
  }),
  'basic.ack unknown tag': refused(async ({ channel }) => {
    await queue(channel, 'acked');
    channel.ack({ fields: { deliveryTag: 77 } } as Message);
  }),
  'basic.ack twice': refused(async (link) => {
    const message = (await link.channel.get(await filled(link, 'acked', ['x']))) as Message;
    for (let time = 0; time < 2; time++) link.channel.ack(message);
  }),
  'basic.nack unknown tag': refused(({ channel }) => channel.nack({ fields: { deliveryTag: 9 } } as Message)),
  'basic.reject unknown tag': refused(({ channel }) => channel.reject({ fields: { deliveryTag: 9 } } as Message)),
  'basic.ack multiple': linked(async (link) => {
    const name = await filled(link, 'acked', ['1', '2', '3']);
    const got: Message[] = [];
    for (let index = 0; index < 3; index++) got.push((await link.channel.get(name)) as Message);
    link.channel.ack(got[1] as Message, true);
    link.channel.nack(got[2] as Message);
    return await redelivered(link, name, 1);
  }),
  'basic.nack multiple requeues in order': linked(async (link) => {
    const name = await filled(link, 'nacked', ['1', '2', '3', '4']);
    const got: Message[] = [];
    for (let index = 0; index < 3; index++) got.push((await link.channel.get(name)) as Message);
    link.channel.nack(got[2] as Message, true);
    return await redelivered(link, name, 4);
  }),
  'basic.nack all': linked(async (link) => {
    const name = await filled(link, 'nacked', ['1', '2']);
    for (let index = 0; index < 2; index++) await link.channel.get(name);
    link.channel.nackAll(true);
    return await redelivered(link, name, 2);
  }),
  'basic.reject requeues': linked(async (link) => {
    const name = await filled(link, 'rejected', ['1', '2']);
    link.channel.reject((await link.channel.get(name)) as Message, true);
    return await redelivered(link, name, 2);
  }),
  'basic.reject drops': linked(async (link) => {
    const name = await filled(link, 'rejected', ['1', '2']);
    link.channel.reject((await link.channel.get(name)) as Message, false);
    return await redelivered(link, name, 1);
  }),
  'basic.recover': linked(async (link) => {
    const name = await filled(link, 'recovered', ['1', '2']);
    for (let index = 0; index < 2; index++) await link.channel.get(name);
    await link.channel.recover();
    return await redelivered(link, name, 2);
  }),
  'channel.close requeues unacknowledged messages': linked(async (link) => {
    const name = await filled(link, 'unacked', ['1', '2']);
    const other = await link.connection.createChannel();
    await other.get(name);
    await other.close();
    await eventually(async () => (await link.channel.checkQueue(name)).messageCount === 2);
    return await redelivered(link, name, 2);
  }),
  'basic.cancel': linked(async (link) => {
    const name = await queue(link.channel, 'cancelled');
    const { all, consumerTag } = await receiver(link, name, { consumerTag: 'tag', noAck: true });
    const answer = await link.channel.cancel(consumerTag);
    await put(link.channel, name, 'left');
    return { answer, got: all.length, left: await bodies(link.channel, name) };
  }),
  'basic.cancel unknown tag': linked(async ({ channel }) => await channel.cancel('never')),
  'x-max-priority': linked(async ({ channel }) => {
    const name = await queue(channel, 'priorities', { 'x-max-priority': 5 });
    const given = { none: undefined, zero: 0, three: 3, five: 5, nine: 9, one: 1 };
    for (const [body, priority] of Object.entries(given)) await put(channel, name, body, { priority });
    return await bodies(channel, name);
  }),
  'direct reply-to': linked(async (link) => {
    const { channel } = link;
    const requests = await queue(channel, 'requests');
    await channel.consume(requests, (message) => {
      const { replyTo, correlationId } = message?.properties ?? {};
      channel.publish('', replyTo, Buffer.from(`re: ${message?.content}`), { correlationId, mandatory: true });
    });
    const replies = await receiver(link, 'amq.rabbitmq.reply-to', { noAck: true, consumerTag: 'replies' });
    await put(channel, requests, 'question', { replyTo: 'amq.rabbitmq.reply-to', correlationId: '1' });
    const [reply] = await replies.until(1);
    return { ...seen(reply as Message), exchange: reply?.fields.exchange };
  }),
  'direct reply-to with acks': refused(({ channel }) => channel.consume('amq.rabbitmq.reply-to', () => undefined)),
  'direct reply-to twice': refused(async ({ channel }) => {
    for (let time = 0; time < 2; time++) {
      await channel.consume('amq.rabbitmq.reply-to', () => undefined, { noAck: true });
    }
  }),
  'direct reply-to without a consumer': refused(async ({ channel }) =>
    put(channel, await queue(channel, 'requests'), 'x', { replyTo: 'amq.rabbitmq.reply-to' }),
  ),
  'direct reply-to of a missing consumer': linked(async ({ channel, events }) => {
    channel.publish('', 'amq.rabbitmq.reply-to.gone', Buffer.from('x'), { mandatory: true });
    await channel.waitForConfirms();
    return events;
  }),
  'direct reply-to declared': linked(async ({ channel }) => await channel.checkQueue('amq.rabbitmq.reply-to')),
};
