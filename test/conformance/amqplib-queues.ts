// Jobs of amqplib: declaration, inspection, purge and deletion of queues, and refused requests.

import { bodies, closeFrom, closeOf, linked, open, put, queue, refused } from './amqplib-link.ts';
import { type Closed, eventually, gathering, type Job, named } from './program.ts';

/** Does the work while another connection owns an exclusive queue. */
async function lockedElsewhere(work: (name: string) => Promise<unknown>): Promise<unknown> {
  const owner = await open();
  try {
    return await work(await queue(owner.channel, 'locked'));
  } finally {
    await owner.connection.close();
  }
}

const declared =
  (options: object): Job =>
  () =>
    refused(({ channel }) => channel.assertQueue(named('invalid'), { exclusive: true, ...options }))();

/** Returns a job that declares a queue again with the same value, once for each wire type. */
const redeclared = (argument: string, types: readonly string[], value: number): Job =>
  linked(async ({ channel: first, connection }) => {
    const name = await queue(first, 'typed', { [argument]: value });
    const verdicts: unknown[] = [];
    for (const type of types) {
      const channel = await connection.createChannel();
      const refusal = closeOf(channel, 'channel');
      const again = channel.assertQueue(name, { exclusive: true, arguments: { [argument]: { '!': type, value } } });
      verdicts.push([type, await again.then(() => 'ok').catch(() => refusal)]);
    }
    return verdicts;
  });

const numberTypes = ['byte', 'short', 'int', 'long', 'uint8', 'float', 'double'];

export const queues: Readonly<Record<string, Job>> = {
  'queue.declare counts': linked(async ({ channel }) => {
    const name = await queue(channel, 'counts');
    await put(channel, name, 'one');
    await put(channel, name, 'two');
    await channel.consume(name, () => undefined, { consumerTag: 'tag' });
    await channel.assertQueue(name, { exclusive: true });
    await channel.cancel('tag');
    const { messageCount, consumerCount } = await channel.checkQueue(name);
    return { messageCount, consumerCount };
  }),
  'queue.declare server-named': linked(async ({ channel }) => await channel.assertQueue('', { exclusive: true })),
  'queue.declare passive': linked(async ({ channel }) => await channel.checkQueue(await queue(channel, 'there'))),
  'queue.declare passive missing': refused(({ channel }) => channel.checkQueue(named('missing'))),
  'queue.declare inequivalent durable': refused(async ({ channel }) => {
    await channel.assertQueue(named('same'), { exclusive: true, durable: true });
    await channel.assertQueue(named('same'), { exclusive: true, durable: false });
  }),
  'queue.declare inequivalent auto-delete': refused(async ({ channel }) => {
    await channel.assertQueue(named('same'), { exclusive: true, autoDelete: true });
    await channel.assertQueue(named('same'), { exclusive: true, autoDelete: false });
  }),
  'queue.declare inequivalent argument': refused(async ({ channel }) => {
    await channel.assertQueue(named('same'), { exclusive: true, messageTtl: 1000 });
    await channel.assertQueue(named('same'), { exclusive: true, messageTtl: 2000 });
  }),
  'queue.declare argument missing the second time': refused(async ({ channel }) => {
    await channel.assertQueue(named('same'), { exclusive: true, maxLength: 5 });
    await channel.assertQueue(named('same'), { exclusive: true });
  }),
  'queue.declare argument only the second time': refused(async ({ channel }) => {
    await channel.assertQueue(named('same'), { exclusive: true });
    await channel.assertQueue(named('same'), { exclusive: true, arguments: { 'x-overflow': 'reject-publish' } });
  }),
  'queue.declare other number types of x-message-ttl': redeclared('x-message-ttl', numberTypes, 100),
  'queue.declare other number types of x-expires': redeclared('x-expires', ['double'], 100_000),
  'queue.declare other number types of x-max-length': redeclared('x-max-length', ['double'], 10),
  'queue.declare other number types of x-max-priority': redeclared('x-max-priority', ['double'], 5),
  'queue.declare reserved name': refused(({ channel }) => channel.assertQueue('amq.mine', { exclusive: true })),
  'queue.declare locked by another connection': () =>
    lockedElsewhere((name) => refused(({ channel }) => channel.assertQueue(name, { exclusive: true }))()),
  'queue.declare passive locked by another connection': () =>
    lockedElsewhere((name) => refused(({ channel }) => channel.checkQueue(name))()),
  'basic.consume locked by another connection': () =>
    lockedElsewhere((name) => refused(({ channel }) => channel.consume(name, () => undefined))()),
  'queue.delete locked by another connection': () =>
    lockedElsewhere((name) => refused(({ channel }) => channel.deleteQueue(name))()),
  'queue.declare invalid x-max-length type': declared({ arguments: { 'x-max-length': 'ten' } }),
  'queue.declare invalid x-max-length value': declared({ arguments: { 'x-max-length': -1 } }),
  'queue.declare invalid x-expires': declared({ arguments: { 'x-expires': 0 } }),
  'queue.declare invalid x-message-ttl': declared({ arguments: { 'x-message-ttl': -1 } }),
  'queue.declare invalid x-overflow': declared({ arguments: { 'x-overflow': 'explode' } }),
  'queue.declare invalid x-max-priority': declared({ arguments: { 'x-max-priority': 256 } }),
  'queue.declare invalid x-single-active-consumer': declared({ arguments: { 'x-single-active-consumer': 'yes' } }),
  'queue.declare invalid x-dead-letter-exchange': declared({ arguments: { 'x-dead-letter-exchange': 7 } }),
  'queue.declare x-dead-letter-routing-key alone': declared({ arguments: { 'x-dead-letter-routing-key': 'k' } }),
  'queue.declare unknown x-queue-type': declared({ arguments: { 'x-queue-type': 'heap' } }),
  'queue.declare exclusive quorum': declared({ arguments: { 'x-queue-type': 'quorum' } }),
  'queue.declare transient quorum': declared({
    exclusive: false,
    durable: false,
    arguments: { 'x-queue-type': 'quorum' },
  }),
  'queue.declare quorum with x-max-priority': declared({
    exclusive: false,
    arguments: { 'x-queue-type': 'quorum', 'x-max-priority': 4 },
  }),
  'queue.declare exclusive stream': declared({ arguments: { 'x-queue-type': 'stream' } }),
  'queue.declare stream': linked(async ({ channel, closed }) => {
    const options = { arguments: { 'x-queue-type': 'stream' } };
    const made = channel.assertQueue(named('stream'), options).then(async (answer) => {
      await channel.deleteQueue(answer.queue);
      return answer;
    });
    made.catch(() => undefined);
    return await Promise.race([made, closed]);
  }),
  'queue.declare unknown arguments': linked(async ({ channel }) => {
    const args = { 'x-unheard-of': 1, mine: 'two' };
    return [await queue(channel, 'odd', args), await queue(channel, 'odd', args)];
  }),
  'queue.declare transient not exclusive': linked(async ({ channel, closed }) => {
    const made = channel.assertQueue(named('transient'), { durable: false, autoDelete: true });
    return await Promise.race([made.then(() => channel.deleteQueue(named('transient'))).catch(() => closed), closed]);
  }),
  'queue.declare auto-delete ends with its last consumer': refused(async ({ channel }) => {
    const name = named('auto');
    await channel.assertQueue(name, { autoDelete: true, durable: true, expires: 60_000 });
    for (const consumerTag of ['a', 'b']) await channel.consume(name, () => undefined, { consumerTag });
    await channel.cancel('a');
    await channel.checkQueue(name);
    await channel.cancel('b');
    await channel.checkQueue(name);
  }),
  'queue.declare exclusive ends with its connection': async () => {
    const owner = await open();
    const name = await queue(owner.channel, 'owned');
    await owner.connection.close();
    // RabbitMQ answers connection.close before it has deleted the queue, which is locked until then.
    return await eventually(async () => {
      const answer = await refused(({ channel }) => channel.checkQueue(name))();
      return (answer as Closed).code !== 405 && answer;
    });
  },
  'queue.delete counts': linked(async ({ channel }) => {
    const name = await queue(channel, 'deleted');
    await put(channel, name, 'one');
    return await channel.deleteQueue(name);
  }),
  'queue.delete missing': linked(async ({ channel }) => await channel.deleteQueue(named('missing'))),
  'queue.delete if-empty': refused(async ({ channel }) => {
    const name = await queue(channel, 'full');
    await put(channel, name, 'one');
    await channel.deleteQueue(name, { ifEmpty: true });
  }),
  'queue.delete if-unused': refused(async ({ channel }) => {
    const name = await queue(channel, 'used');
    await channel.consume(name, () => undefined);
    await channel.deleteQueue(name, { ifUnused: true });
  }),
  'queue.delete cancels the consumer': linked(async ({ channel }) => {
    const name = await queue(channel, 'watched');
    const got = gathering<unknown>();
    await channel.consume(name, (message) => got.add(message));
    await channel.deleteQueue(name);
    return await got.until(1);
  }),
  'queue.purge': linked(async ({ channel }) => {
    const name = await queue(channel, 'purged');
    for (const body of ['one', 'two', 'three']) await put(channel, name, body);
    await channel.get(name);
    return [await channel.purgeQueue(name), await bodies(channel, name)];
  }),
  'queue.purge missing': refused(({ channel }) => channel.purgeQueue(named('missing'))),
  'queue.bind missing queue': refused(({ channel }) => channel.bindQueue(named('missing'), 'amq.direct', 'k')),
  'queue.bind missing exchange': refused(async ({ channel }) =>
    channel.bindQueue(await queue(channel, 'bound'), named('missing'), 'k'),
  ),
  'queue.bind default exchange': refused(async ({ channel }) =>
    channel.bindQueue(await queue(channel, 'bound'), '', 'k'),
  ),
  'queue.unbind missing binding': linked(
    async ({ channel }) => await channel.unbindQueue(await queue(channel, 'bound'), 'amq.direct', 'never'),
  ),
  'queue.unbind missing exchange': linked(async ({ channel, closed }) => {
    const name = await queue(channel, 'bound');
    const unbound = channel.unbindQueue(name, named('missing'), 'k');
    return await Promise.race([unbound.catch((error) => closeFrom(error, 'channel')), closed]);
  }),
  'queue.bind and unbind': linked(async ({ channel }) => {
    const name = await queue(channel, 'bound');
    const other = named('bound.to');
    await channel.assertExchange(other, 'direct', { autoDelete: true });
    for (const key of ['a', 'b', 'a']) await channel.bindQueue(name, other, key);
    await channel.unbindQueue(name, other, 'b');
    for (const key of ['a', 'b']) channel.publish(other, key, Buffer.from(key));
    await channel.waitForConfirms();
    return await bodies(channel, name);
  }),
  'queue.declare again, a decimal for an integer': refused(async ({ channel }) => {
    const name = await queue(channel, 'decimal', { 'x-max-length': 10 });
    const decimal = { '!': 'decimal', value: { digits: 10, places: 0 } };
    return channel.assertQueue(name, { exclusive: true, arguments: { 'x-max-length': decimal } });
  }),
};
