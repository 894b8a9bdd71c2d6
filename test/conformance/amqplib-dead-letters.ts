// Jobs of amqplib: messages that leave their queue because of expiry, a length limit, a rejection or a delivery limit.

import type { Message } from 'amqplib';
import { bodies, type Link, linked, put, queue, seen, take } from './amqplib-link.ts';
import { eventually, type Job, named } from './program.ts';

type Args = Record<string, unknown>;

/** Declares a queue whose dead letters go to the queue `<name>.dead`. */
async function dying({ channel }: Link, name: string, args: Args): Promise<{ alive: string; dead: string }> {
  const dead = await queue(channel, `${name}.dead`);
  const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
  return { dead, alive: await queue(channel, name, { ...toDead, ...args }) };
}

/** Declares a quorum queue, and deletes it after the work. */
async function quorum({ channel }: Link, name: string, args: Args, work: (name: string) => Promise<unknown>) {
  const declared = await channel.assertQueue(named(name), { arguments: { 'x-queue-type': 'quorum', ...args } });
  try {
    return await work(declared.queue);
  } finally {
    await channel.deleteQueue(declared.queue);
  }
}

/** Waits for this time by the broker's clock: a message in another queue has to expire first. */
async function passed(link: Link, milliseconds: number): Promise<void> {
  const { alive, dead } = await dying(link, 'clock', { 'x-message-ttl': milliseconds });
  await put(link.channel, alive, 'time');
  await take(link.channel, dead);
}

export const deadLetters: Readonly<Record<string, Job>> = {
  'dead letter rejected': linked(async (link) => {
    const { alive, dead } = await dying(link, 'refusing', {});
    const options = { headers: { mine: 1 }, persistent: true, CC: ['copy'], messageId: 'id' };
    await put(link.channel, alive, 'refused', options);
    link.channel.reject((await link.channel.get(alive)) as Message, false);
    return seen(await take(link.channel, dead));
  }),
  'dead letter nacked, all at once': linked(async (link) => {
    const { alive, dead } = await dying(link, 'refusing', {});
    for (const body of ['1', '2']) await put(link.channel, alive, body);
    await link.channel.get(alive);
    link.channel.nack((await link.channel.get(alive)) as Message, true, false);
    return [seen(await take(link.channel, dead)), seen(await take(link.channel, dead))];
  }),
  'dead letter expired by x-message-ttl': linked(async (link) => {
    const { alive, dead } = await dying(link, 'aging', { 'x-message-ttl': 10 });
    await put(link.channel, alive, 'old', { expiration: '60000' });
    return seen(await take(link.channel, dead));
  }),
  'dead letter expired by expiration': linked(async (link) => {
    const { alive, dead } = await dying(link, 'aging', {});
    await put(link.channel, alive, 'old', { expiration: '10' });
    return seen(await take(link.channel, dead));
  }),
  'dead letter over the length limit': linked(async (link) => {
    const { alive, dead } = await dying(link, 'short', { 'x-max-length': 1 });
    for (const body of ['first', 'second']) await put(link.channel, alive, body);
    return [seen(await take(link.channel, dead)), await bodies(link.channel, alive)];
  }),
  'dead letter with its own routing key': linked(async (link) => {
    const exchange = named('dead.exchange');
    await link.channel.assertExchange(exchange, 'direct', { autoDelete: true });
    const alive = await queue(link.channel, 'routing', { 'x-dead-letter-exchange': exchange });
    const dead = await queue(link.channel, 'routing.dead');
    await link.channel.bindQueue(dead, exchange, alive);
    await put(link.channel, alive, 'kept key');
    link.channel.nack((await link.channel.get(alive)) as Message, false, false);
    return seen(await take(link.channel, dead));
  }),
  'dead letter to a missing exchange': linked(async ({ channel }) => {
    const alive = await queue(channel, 'lost', { 'x-dead-letter-exchange': named('missing') });
    await put(channel, alive, 'lost');
    channel.nack((await channel.get(alive)) as Message, false, false);
    return await channel.checkQueue(alive);
  }),
  'dead letter twice': linked(async (link) => {
    const { alive, dead } = await dying(link, 'twice', {});
    for (let round = 0; round < 2; round++) {
      if (round === 0) await put(link.channel, alive, 'again');
      link.channel.reject((await eventually(() => link.channel.get(alive))) as Message, false);
      const message = await take(link.channel, dead);
      if (round === 1) return seen(message);
      await put(link.channel, alive, 'again', { headers: message.properties.headers });
    }
    return undefined;
  }),
  'dead letter through two queues': linked(async (link) => {
    const { alive, dead } = await dying(link, 'second', { 'x-message-ttl': 10 });
    const toSecond = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': alive };
    const first = await queue(link.channel, 'first', toSecond);
    await put(link.channel, first, 'far');
    link.channel.reject((await link.channel.get(first)) as Message, false);
    return seen(await take(link.channel, dead));
  }),
  'dead letter in a cycle of expiry is dropped': linked(async ({ channel }) => {
    const circle = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': named('circle'), 'x-message-ttl': 5 };
    const name = await queue(channel, 'circle', circle);
    await put(channel, name, 'round');
    return await eventually(async () => {
      const { messageCount } = await channel.checkQueue(name);
      return messageCount === 0 && 'dropped';
    });
  }),
  'dead letter in a cycle of rejections stays': linked(async ({ channel }) => {
    const circle = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': named('circle') };
    const name = await queue(channel, 'circle', circle);
    await put(channel, name, 'round');
    for (let time = 0; time < 3; time++) {
      channel.reject((await eventually(() => channel.get(name))) as Message, false);
    }
    return seen(await take(channel, name));
  }),
  'x-message-ttl 0': linked(async ({ channel }) => {
    const name = await queue(channel, 'now', { 'x-message-ttl': 0 });
    await put(channel, name, 'gone');
    return await bodies(channel, name);
  }),
  'expiration only at the head': linked(async (link) => {
    const { channel } = link;
    const name = await queue(channel, 'heads');
    await put(channel, name, 'stays');
    await put(channel, name, 'goes', { expiration: '1' });
    await passed(link, 30);
    const before = (await channel.checkQueue(name)).messageCount;
    return { before, bodies: await bodies(channel, name) };
  }),
  'x-max-length drops the head': linked(async ({ channel }) => {
    const name = await queue(channel, 'short', { 'x-max-length': 2 });
    for (const body of ['1', '2', '3', '4']) await put(channel, name, body);
    return await bodies(channel, name);
  }),
  'x-max-length-bytes': linked(async ({ channel }) => {
    const name = await queue(channel, 'small', { 'x-max-length-bytes': 10 });
    for (const body of ['12345', '67890', 'x', 'longer than ten bytes']) await put(channel, name, body);
    return await bodies(channel, name);
  }),
  'x-overflow reject-publish is nacked': linked(async ({ channel, events }) => {
    const name = await queue(channel, 'full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await put(channel, name, 'in');
    await put(channel, name, 'out').catch(() => undefined);
    return [events, await bodies(channel, name)];
  }),
  'x-overflow reject-publish-dlx': linked(async (link) => {
    const args = { 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx' };
    const { alive, dead } = await dying(link, 'full', args);
    await put(link.channel, alive, 'in');
    await put(link.channel, alive, 'out').catch(() => undefined);
    return [link.events, seen(await take(link.channel, dead)), await bodies(link.channel, alive)];
  }),
  'quorum delivery-limit': linked((link) =>
    quorum(link, 'limited', { 'x-delivery-limit': 2 }, async (name) => {
      await put(link.channel, name, 'poison');
      const counts: unknown[] = [];
      const dropped = new Promise((done) => {
        void link.channel.consume(name, (message) => {
          counts.push([message?.fields.redelivered, message?.properties.headers ?? null]);
          link.channel.reject(message as Message, true);
          if (counts.length === 3) done(undefined);
        });
      });
      await dropped;
      await eventually(async () => (await link.channel.checkQueue(name)).messageCount === 0);
      return [...counts];
    }),
  ),
  'quorum delivery-limit dead letter': linked(async (link) => {
    const dead = await queue(link.channel, 'limited.dead');
    const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
    return await quorum(link, 'limited', { ...toDead, 'x-delivery-limit': 1 }, async (name) => {
      await put(link.channel, name, 'poison');
      await link.channel.consume(name, (message) => link.channel.reject(message as Message, true));
      return seen(await take(link.channel, dead));
    });
  }),
  'quorum requeued by nack': linked((link) =>
    quorum(link, 'counted', {}, async (name) => {
      await put(link.channel, name, 'back');
      const again = new Promise((done) => {
        void link.channel.consume(name, (message) => {
          if (message?.fields.redelivered) {
            link.channel.ack(message);
            done(seen(message));
          } else link.channel.nack(message as Message);
        });
      });
      return await again;
    }),
  ),
};
