// Tests streams of the embedded broker: consumers with offsets and filters, retention, restarts, and the management API. The
// answers are those of RabbitMQ 4.3.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfirmChannel, ConsumeMessage, Options } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BrokerOptions } from '../../src/broker/server.ts';
import type { Store } from '../../src/broker/store/contract.ts';
import { openStore } from '../../src/broker/store.ts';
import { HandClock } from '../support/broker-clock.ts';
import { refusal } from '../support/embedded.ts';
import { type Served, withManagement } from '../support/management.ts';
import { until } from '../support/until.ts';

type Item = Record<string, unknown>;
type WithChannel = Served & { channel: ConfirmChannel; clock: HandClock };

/** Runs with a channel, a clock that the test advances, and optionally a store. */
function withBroker(use: (served: WithChannel) => Promise<void>, options: BrokerOptions = {}): Promise<void> {
  const clock = new HandClock();
  return withManagement(async (served) => use({ ...served, clock, channel: await served.place.channel() }), {
    clock,
    ...options,
  });
}

const declare = (channel: ConfirmChannel, args: Item = {}) =>
  channel.assertQueue('s', { arguments: { 'x-queue-type': 'stream', ...args } });

async function put(channel: ConfirmChannel, ...bodies: readonly (string | number)[]): Promise<void> {
  for (const body of bodies) channel.sendToQueue('s', Buffer.from(`${body}`), { persistent: true });
  await channel.waitForConfirms();
}

/** Consumes on a new connection, and returns the received messages, which grow. */
async function consume(
  { place }: Pick<Served, 'place'>,
  args: Item,
  { prefetch = 1000, settle = (channel: ConfirmChannel, message: ConsumeMessage) => channel.ack(message) } = {},
): Promise<{ got: ConsumeMessage[]; channel: ConfirmChannel; tag: string }> {
  const channel = await place.channel();
  const got: ConsumeMessage[] = [];
  await channel.prefetch(prefetch);
  const onMessage = (message: ConsumeMessage | null) => {
    if (message === null) return;
    got.push(message);
    settle(channel, message);
  };
  const { consumerTag: tag } = await channel.consume('s', onMessage, { arguments: args });
  return { got, channel, tag };
}

const shown = (got: readonly ConsumeMessage[]) => got.map(({ content }) => `${content}`);
const offsetsOf = (got: readonly ConsumeMessage[]) =>
  got.map(({ properties: { headers } }) => headers?.['x-stream-offset']);

/** Returns the bodies that a consumer with these arguments receives until it has received `last`. */
async function bodies(served: Pick<Served, 'place'>, args: Item, last: string): Promise<string[]> {
  const { got, channel } = await consume(served, args);
  await until(`the message ${last}`, () => shown(got).includes(last));
  await channel.close();
  return shown(got);
}

for (const kind of ['memory', 'disk']) {
  /** Runs with a store if the stream is on disk. */
  const withStream = async (use: (served: WithChannel) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'mq-stream-'));
    try {
      await withBroker(use, kind === 'disk' ? { store: await opened(folder) } : {});
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test(`${kind}: a consumer starts at an offset or a time`, () =>
    withStream(async (served) => {
      const { channel, clock } = served;
      await declare(channel);
      const start = clock.date();
      for (const body of ['0', '1', '2', '3', '4']) {
        await put(channel, body);
        clock.move(10_000);
      }
      const timestamp = (seconds: number) => ({ '!': 'timestamp', value: start / 1000 + seconds });
      for (const [offset, expected] of [
        ['first', '01234'],
        [0, '01234'],
        [-7, '01234'],
        [3, '34'],
        ['last', '4'],
        [timestamp(0), '01234'],
        [timestamp(15), '234'],
        [timestamp(20), '234'],
        ['1h', '01234'],
        ['25s', '34'],
      ] as const) {
        const found = await bodies(served, { 'x-stream-offset': offset }, '4');
        assert.is(found.join(''), expected, `from ${JSON.stringify(offset)}`);
      }
      const ahead = await consume(served, { 'x-stream-offset': 7 });
      const next = await consume(served, {});
      const since = await consume(served, { 'x-stream-offset': timestamp(60) });
      await put(channel, '5', '6');
      clock.move(20_000);
      await put(channel, '7', '8');
      await until('the last message', () => [ahead, next, since].every(({ got }) => shown(got).includes('8')));
      assert.equal(
        [ahead, next, since].map(({ got }) => shown(got).join('')),
        ['78', '5678', '78'],
      );
      assert.equal(offsetsOf(next.got), [5, 6, 7, 8]);
    }));

  test(`${kind}: consumers read on their own, and settling a message only gives credit`, () =>
    withStream(async (served) => {
      const { channel } = served;
      await declare(channel);
      const all = Array.from({ length: 500 }, (_, index) => `${index}`);
      await put(channel, ...all);
      const settlings: ((channel: ConfirmChannel, message: ConsumeMessage) => void)[] = [
        (ch, message) => ch.ack(message),
        (ch, message) => ch.nack(message, false, true),
        (ch, message) => ch.nack(message, false, false),
        (ch, message) => ch.reject(message, true),
        (ch, message) => {
          if (Number(message.fields.deliveryTag) % 3 === 0) ch.nack(message, true, true);
        },
      ];
      const readers = await Promise.all(
        settlings.map((settle) => consume(served, { 'x-stream-offset': 'first' }, { prefetch: 3, settle })),
      );
      await until('all messages', () => readers.slice(0, 4).every(({ got }) => got.length === 500));
      await until('all but the last messages', () => (readers[4]?.got.length ?? 0) >= 500);
      for (const { got } of readers) {
        assert.equal(shown(got), all);
        assert.ok(got.every(({ fields }) => !fields.redelivered));
      }
      const idle = await consume(served, { 'x-stream-offset': 'first' }, { prefetch: 2, settle: () => {} });
      await until('two messages', () => idle.got.length === 2);
      await idle.channel.recover();
      await until('two more messages', () => idle.got.length === 4);
      assert.equal(shown(idle.got), ['0', '1', '2', '3']);
      assert.is((await channel.checkQueue('s')).messageCount, 500);
    }));

  test(`${kind}: a filter selects messages by the header x-stream-filter-value`, () =>
    withStream(async (served) => {
      const { channel } = served;
      await declare(channel, { 'x-stream-filter-size-bytes': 32 });
      for (const [body, value] of [
        ['1', 'a'],
        ['2', 'b'],
        ['3', undefined],
        ['4', 'a'],
      ]) {
        const headers = value === undefined ? {} : { 'x-stream-filter-value': value };
        channel.sendToQueue('s', Buffer.from(`${body}`), { headers });
      }
      channel.sendToQueue('s', Buffer.from('end'), { headers: { 'x-stream-filter-value': 'a' } });
      await channel.waitForConfirms();
      const from = { 'x-stream-offset': 'first' };
      const filtered = (args: Item) => bodies(served, { ...from, ...args }, 'end');
      assert.equal(await filtered({ 'x-stream-filter': 'a' }), ['1', '4', 'end']);
      assert.equal(await filtered({ 'x-stream-filter': ['a', 'b'] }), ['1', '2', '4', 'end']);
      const unfiltered = { 'x-stream-filter': 'a', 'x-stream-match-unfiltered': true };
      assert.equal(await filtered(unfiltered), ['1', '3', '4', 'end']);
    }));

  test(`${kind}: segments are deleted by size and by age`, () =>
    withStream(async (served) => {
      const { channel, clock, ask } = served;
      await declare(channel, { 'x-stream-max-segment-size-bytes': 1000, 'x-max-length-bytes': 3000 });
      const length = async () => (await channel.checkQueue('s')).messageCount;
      for (let count = 0; count < 50; count++) await put(channel, 'x'.repeat(150));
      await until('old segments are deleted', async () => (await length()) < 25);
      assert.ok((await length()) > 8);
      const [first] = await bodies(served, { 'x-stream-offset': 0 }, 'x'.repeat(150));
      assert.is(first?.length, 150);
      await ask('PUT /policies/%2F/age', {
        body: { pattern: '^s$', 'apply-to': 'streams', definition: { 'max-age': '1h' } },
      });
      const before = await length();
      clock.move(3_599_000);
      assert.is(await length(), before);
      clock.move(2_000);
      const after = await until('older segments are deleted', async () => {
        const left = await length();
        return left < before && left;
      });
      assert.ok(after > 0, 'the newest segment stays');
      const { segments, effective_policy_definition: effective } = (await ask('GET /queues/%2F/s')).body as Item;
      assert.is(segments, 1);
      assert.equal(effective, { 'max-age': '1h' });
    }));

  test(`${kind}: a slow consumer continues at the oldest message that is left`, () =>
    withStream(async (served) => {
      const { channel } = served;
      await declare(channel, { 'x-stream-max-segment-size-bytes': 500, 'x-max-length-bytes': 1500 });
      await put(channel, 'first');
      const held: ConsumeMessage[] = [];
      const settle = (_: ConfirmChannel, message: ConsumeMessage) => void held.push(message);
      const slow = await consume(served, { 'x-stream-offset': 'first' }, { prefetch: 1, settle });
      await until('the first message', () => held.length === 1);
      for (let count = 0; count < 50; count++) await put(channel, 'x'.repeat(100));
      for (let times = 0; times < 3; times++) {
        const message = held.at(-1);
        if (message !== undefined) slow.channel.ack(message);
        await until('another message', () => held.length === times + 2);
      }
      const [, second = 0, third = 0, fourth = 0] = offsetsOf(held).map(Number);
      assert.ok(second > 30);
      assert.equal([third, fourth], [second + 1, second + 2]);
    }));

  test(`${kind}: a deleted stream cancels its consumers, and a new one starts at 0`, () =>
    withStream(async (served) => {
      const { channel, place } = served;
      await declare(channel);
      await put(channel, 'old');
      const reader = await place.channel();
      let isCancelled = false;
      await reader.prefetch(1);
      const onMessage = (message: unknown) => {
        isCancelled ||= message === null;
      };
      await reader.consume('s', onMessage, { arguments: { 'x-stream-offset': 'first' } });
      // RabbitMQ: a stream ignores these flags, and reports no messages.
      assert.equal(await channel.deleteQueue('s', { ifEmpty: true, ifUnused: true }), { messageCount: 0 });
      await until('basic.cancel', () => isCancelled);
      await declare(channel);
      await put(channel, 'new');
      assert.equal(await bodies(served, { 'x-stream-offset': 'first' }, 'new'), ['new']);
    }));
}

test('a stream on disk survives restarts, and nothing of it stays in memory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-stream-'));
  const all: string[] = [];
  try {
    for (let start = 0; start < 3; start++) {
      await withBroker(
        async (served) => {
          const { channel, place } = served;
          await declare(channel, { 'x-stream-max-segment-size-bytes': 100_000 });
          if (all.length > 0) assert.equal(await bodies(served, { 'x-stream-offset': 'first' }, all.at(-1) ?? ''), all);
          for (let count = 0; count < 300; count++) all.push(`${start} ${count} ${'x'.repeat(1000)}`);
          await put(channel, ...all.slice(-300));
          assert.is(place.broker.memory.usedBytes, 0);
          assert.is((await channel.checkQueue('s')).messageCount, all.length);
          assert.equal(await bodies(served, { 'x-stream-offset': 250 }, all.at(-1) ?? ''), all.slice(250));
        },
        { store: await opened(folder) },
      );
    }
    await withBroker(async ({ channel }) => void (await channel.deleteQueue('s')), { store: await opened(folder) });
    assert.equal(readdirSync(join(folder, 'streams')), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a message in a stream and in queues counts once towards the memory', () =>
  withBroker(async ({ channel, place }) => {
    const { memory } = place.broker;
    await declare(channel);
    await channel.bindQueue('s', 'amq.fanout', '');
    const size = 100_000;
    const publish = async () => {
      channel.publish('amq.fanout', '', Buffer.alloc(size));
      await channel.waitForConfirms();
    };
    await publish();
    const one = memory.usedBytes;
    await channel.assertQueue('q');
    await channel.bindQueue('q', 'amq.fanout', '');
    await publish();
    assert.ok(memory.usedBytes < 2 * one + 1000, `${memory.usedBytes}`);
    await channel.purgeQueue('q');
    await channel.deleteQueue('s');
    assert.is(memory.usedBytes, 0);
  }));

test('a full memory blocks publishers to a stream, and its deletion frees it', () =>
  withBroker(
    async ({ channel, place }) => {
      await declare(channel);
      let isBlocked: boolean | undefined;
      const other = await place.connection();
      other.on('blocked', () => {
        isBlocked = true;
      });
      other.on('unblocked', () => {
        isBlocked = false;
      });
      const publisher = await other.createChannel();
      for (let count = 0; count < 20; count++) publisher.sendToQueue('s', Buffer.alloc(100_000));
      await until('the block', () => isBlocked === true);
      await channel.deleteQueue('s');
      await until('the end of the block', () => isBlocked === false);
    },
    { memoryLimitBytes: 1_000_000 },
  ));

test('a stream drops what AMQP 1.0 does not have, and keeps the rest', () =>
  withBroker(async (served) => {
    const { channel } = served;
    await declare(channel);
    const headers = {
      text: 'a',
      number: 5_000_000_000,
      table: { a: 1 },
      list: [1],
      'x-table': { b: 2 },
      'x-list': [1],
      'x-death': [{ count: 1 }],
      'x-stream-offset': 99,
      bytes: Buffer.from('b'),
    };
    const options = { headers, CC: ['other'], clusterId: 'c', priority: 7, expiration: '60000', messageId: 'id' };
    channel.sendToQueue('s', Buffer.from('body'), options);
    await channel.waitForConfirms();
    const { got } = await consume(served, { 'x-stream-offset': 'first' });
    await until('the message', () => got.length === 1);
    const { headers: kept, ...rest } = got[0]?.properties ?? {};
    assert.equal(
      { ...kept },
      {
        CC: ['other'],
        text: 'a',
        number: 5_000_000_000,
        'x-table': { b: 2 },
        'x-list': [1],
        bytes: 'b',
        'x-stream-offset': 0,
      },
    );
    const defined = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    assert.equal(defined, { deliveryMode: 1, priority: 7, expiration: '60000', messageId: 'id' });
  }));

for (const [title, code, pattern, { prefetch = 5, ...options }] of [
  ['a consumer without a prefetch', 406, /consumer prefetch count is not set for stream queue 's'/, { prefetch: 0 }],
  ['a consumer without acks', 540, /automatic acknowledgement not supported by stream queue 's'/, { noAck: true }],
  ['a priority', 406, /invalid arg 'x-priority' .* of queue type rabbit_stream_queue/, { priority: 1 }],
  [
    'a bad offset',
    406,
    /'x-stream-offset' .*: \{invalid_stream_offset_arg,\{longstr,<<"2">>\}\}/,
    { arguments: { 'x-stream-offset': '2' } },
  ],
] as readonly [string, number, RegExp, { prefetch?: number } & Options.Consume][]) {
  test(`${title} is refused with ${code} on a stream`, () =>
    withBroker(async ({ channel }) => {
      await declare(channel);
      await channel.prefetch(prefetch);
      const closed = await refusal(channel, () => channel.consume('s', () => {}, options));
      assert.is(closed.code, code);
      assert.match(closed.text, pattern);
    }));
}

test('a stream ignores the flag exclusive of its consumers', () =>
  withBroker(async ({ channel }) => {
    await declare(channel);
    await channel.prefetch(5);
    for (let count = 0; count < 2; count++) await channel.consume('s', () => {}, { exclusive: true });
  }));

for (const [name, use, pattern] of [
  ['basic.get', (channel: ConfirmChannel) => channel.get('s'), /basic\.get not supported by stream queues queue 's'/],
  [
    'queue.purge',
    (channel: ConfirmChannel) => channel.purgeQueue('s'),
    /queue\.purge not supported by stream queues queue 's'/,
  ],
] as const) {
  test(`${name} on a stream closes the connection with 540`, () =>
    withBroker(async ({ channel }) => {
      await declare(channel);
      const closed = await refusal(channel, () => use(channel));
      assert.is(closed.code, 540);
      assert.match(closed.text, pattern);
    }));
}

test('the management API shows a stream, but does not get or purge it', () =>
  withBroker(async (served) => {
    const { channel, ask } = served;
    await declare(channel, { 'x-max-age': '1D' });
    await put(channel, 'a', 'b');
    await consume(served, { 'x-stream-offset': 'first' });
    const item = (await ask('GET /queues/%2F/s')).body as Item;
    const { type, messages, messages_ready, messages_unacknowledged, segments, readers, consumers } = item;
    assert.equal(
      [type, messages, messages_ready, messages_unacknowledged, segments, consumers],
      ['stream', 2, 2, 0, 1, 1],
    );
    assert.equal(Object.values(readers as Item), [1]);
    const purge = await ask('DELETE /queues/%2F/s/contents');
    assert.is(purge.status, 400);
    assert.match(String((purge.body as Item)['reason']), /queue\.purge not supported by stream queues queue 's'/);
    const body = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
    const get = await ask('POST /queues/%2F/s/get', { body });
    assert.is(get.status, 400);
    assert.match(String((get.body as Item)['reason']), /basic\.get not supported by stream queues queue 's'/);
  }));

function opened(folder: string): Promise<Store> {
  return openStore(folder, { pid: 4_000_000, isAlive: () => false });
}

test.run();
