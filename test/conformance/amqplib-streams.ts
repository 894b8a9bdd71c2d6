// Jobs of amqplib: streams. Each job deletes its stream, because a stream does not expire.

import type { ConfirmChannel } from 'amqplib';
import { defined, type Link, linked, put, refused } from './amqplib-link.ts';
import { gathering, type Job, named } from './program.ts';

async function stream(channel: ConfirmChannel, args: Record<string, unknown> = {}): Promise<string> {
  return (await channel.assertQueue(named('stream'), { arguments: { 'x-queue-type': 'stream', ...args } })).queue;
}

const declared = (args: Record<string, unknown>, options: object = {}): Job =>
  refused(({ channel }) =>
    channel.assertQueue(named('stream'), { ...options, arguments: { 'x-queue-type': 'stream', ...args } }),
  );

/** Returns a job with a stream of five messages, each confirmed before the next one is published. */
const filled = (work: (link: Link, name: string) => Promise<unknown>): Job =>
  linked(async (link) => {
    const { channel } = link;
    const name = await stream(channel);
    for (const body of ['0', '1', '2', '3', '4']) await put(channel, name, body);
    const answer = await work(link, name);
    await channel.deleteQueue(name);
    return answer;
  });

/** Returns the redelivered flags, offsets and bodies of `count` messages. `settle` settles each message. */
async function read(
  { connection }: Link,
  name: string,
  count: number,
  { args = {}, settle = 'ack' }: { args?: Record<string, unknown>; settle?: 'ack' | 'nack' | 'reject' } = {},
): Promise<unknown[]> {
  const channel = await connection.createChannel();
  const got = gathering<unknown>();
  await channel.prefetch(2);
  await channel.consume(
    name,
    (message) => {
      if (message === null) return;
      const { fields, properties, content } = message;
      got.add([fields.redelivered, properties.headers?.['x-stream-offset'], content.toString()]);
      channel[settle](message);
    },
    { arguments: { 'x-stream-offset': 'first', ...args } },
  );
  const all = await got.until(count);
  await channel.close();
  return all.slice(0, count);
}

const from = (offset: unknown, count: number): Job =>
  filled((link, name) => read(link, name, count, { args: { 'x-stream-offset': offset } }));

export const streams: Readonly<Record<string, Job>> = {
  'stream: declare with x-max-length': declared({ 'x-max-length': 10 }),
  'stream: declare with x-single-active-consumer': declared({ 'x-single-active-consumer': true }),
  'stream: declare with a bad x-max-age': declared({ 'x-max-age': '1W' }),
  'stream: declare with a segment that is too large': declared({ 'x-stream-max-segment-size-bytes': 3_000_000_001 }),
  'stream: declare with a filter that is too small': declared({ 'x-stream-filter-size-bytes': 15 }),
  'stream: declare auto-delete': declared({}, { autoDelete: true }),
  'stream: declare transient': declared({}, { durable: false }),
  'stream: declare server-named': refused(({ channel }) =>
    channel.assertQueue('', { arguments: { 'x-queue-type': 'stream' } }),
  ),
  'stream: declare another age': refused(async ({ channel }) => {
    await stream(channel, { 'x-max-age': '1D' });
    await stream(channel, { 'x-max-age': '24h' });
    await stream(channel, { 'x-max-age': '2D' });
  }),
  'stream: basic.get': refused(async ({ channel }) => await channel.get(await stream(channel))),
  'stream: queue.purge': refused(async ({ channel }) => await channel.purgeQueue(await stream(channel))),
  'stream: consume without a prefetch': refused(async ({ channel }) => {
    await channel.consume(await stream(channel), () => undefined);
  }),
  'stream: consume without acks': refused(async ({ channel }) => {
    await channel.prefetch(1);
    await channel.consume(await stream(channel), () => undefined, { noAck: true });
  }),
  'stream: consume with a priority': refused(async ({ channel }) => {
    await channel.prefetch(1);
    await channel.consume(await stream(channel), () => undefined, { priority: 1 });
  }),
  'stream: delete ignores if-empty and if-unused': filled(async ({ channel }, name) => {
    await channel.prefetch(1);
    await channel.consume(name, () => undefined);
    return await channel.deleteQueue(name, { ifEmpty: true, ifUnused: true });
  }),
  'stream: offset first': from('first', 5),
  'stream: offset last': from('last', 1),
  'stream: offset 3': from(3, 2),
  'stream: a negative offset': from(-3, 5),
  'stream: an interval as offset': from('1h', 5),
  'stream: a timestamp as offset': from({ '!': 'timestamp', value: 0 }, 5),
  'stream: nack gives credit': filled((link, name) => read(link, name, 5, { settle: 'nack' })),
  'stream: reject gives credit': filled((link, name) => read(link, name, 5, { settle: 'reject' })),
  'stream: a message with every kind of header': linked(async (link) => {
    const { channel, connection } = link;
    const name = await stream(channel);
    const headers = { list: [1], number: 1, table: { a: 1 }, text: 'a', 'x-death': [{ count: 1 }], 'x-list': [1] };
    const options = { headers, persistent: true, priority: 3, expiration: '60000', messageId: 'id', type: 'kind' };
    await put(channel, name, 'body', options);
    const got = gathering<unknown>();
    const reader = await connection.createChannel();
    await reader.prefetch(1);
    const onMessage = (message: { properties: object } | null) =>
      message !== null && got.add(defined(message.properties));
    await reader.consume(name, onMessage, { arguments: { 'x-stream-offset': 'first' } });
    const answer = await got.until(1);
    await channel.deleteQueue(name);
    return answer;
  }),
};
