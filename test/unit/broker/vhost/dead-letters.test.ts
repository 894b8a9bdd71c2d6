// Tests the dead letters of a virtual host, without sockets. The tests move the clock.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import type { Table } from '../../../../src/broker/codec/table.ts';
import type { QueueEntry } from '../../../../src/broker/queue/entry.ts';
import type { Store, StoredMessage } from '../../../../src/broker/store/contract.ts';
import type { VirtualHost } from '../../../../src/broker/vhost/vhost.ts';
import { declare, message, place } from '../queue-place.ts';
import { open, recoveredIn, withFolder } from '../store/folder.ts';

test('a dead letter has x-death headers and no expiration', () => {
  const { vhost, clock, queue, put } = place({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' });
  const dead = declare(vhost, 'dead');
  put({ body: 'a', expirationMs: 50, properties: { expiration: '50', headers: { mine: 1 } } });
  clock.move(50);
  put('b');
  queue.reject(queue.get(false)?.entry as QueueEntry);
  const [first, second] = [...dead.ready].map(({ message: each }) => each);
  assert.equal(first?.properties().expiration, undefined);
  const death = (first?.properties().headers?.['x-death'] as Table[] | undefined)?.[0];
  assert.equal(
    { ...death, time: 0 },
    {
      'original-expiration': '50',
      count: 1,
      reason: 'expired',
      queue: 'q',
      time: 0,
      exchange: '',
      'routing-keys': ['q'],
    },
  );
  assert.is(first?.properties().headers?.['mine'], 1);
  assert.is(second?.properties().headers?.['x-first-death-reason'], 'rejected');
});

test('drops a message in an automatic cycle, but not after a rejection', () => {
  const { vhost, clock, queue, put } = place({
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'other',
    'x-message-ttl': 10,
  });
  const other = declare(vhost, 'other', {
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'q',
    'x-message-ttl': 1000,
  });
  put('a');
  clock.move(10);
  assert.is(other.readyCount, 1);
  other.reject(other.get(false)?.entry as QueueEntry);
  assert.is(queue.readyCount, 1);
  clock.move(10);
  assert.is(other.readyCount, 1, 'the message was rejected, so this is not a cycle');
  clock.move(1000);
  assert.is(queue.readyCount, 0, 'no client has rejected the message since, so this is a cycle');
});

test('follows a long chain of queues that drop their messages', () => {
  const { vhost, put } = place({ 'x-max-length': 0, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': '0' });
  const length = 300;
  for (let index = 0; index < length; index++) {
    declare(vhost, String(index), {
      'x-max-length': 0,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': String(index + 1),
    });
  }
  const last = declare(vhost, String(length));
  const before = vhost.memory.usedBytes;
  put({ body: 'a', exchange: 'amq.fanout' });
  assert.is(last.readyCount, 1);
  assert.ok(vhost.memory.usedBytes > before);
});

for (const [title, values, expected] of [
  ['a full queue drops its head', { 'x-max-length': 1 }, ['new', 'old after maxlen']],
  ['the message expires at once', { 'x-message-ttl': 0 }, ['old after expired', 'new', 'new after expired']],
  [
    'a full queue refuses the message',
    { 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx' },
    ['new', 'new after maxlen'],
  ],
] as const) {
  test(`puts a message into its queues before the letters that it causes: ${title}`, () =>
    withFolder(async (folder) => {
      const store = await open(folder);
      const deadTo = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
      const { vhost, queue, put } = place({ ...values, ...deadTo }, store);
      // A quorum queue also stores messages that are not persistent.
      const dead = declare(vhost, 'dead', { 'x-queue-type': 'quorum' });
      put('old');
      vhost.deliver(message('new'), [queue, dead]);
      assert.equal(
        [...dead.ready].map((entry) => withReason(entry.message)),
        expected,
      );
      await store.close();
      const recovered = (await recoveredIn(folder)).entries.map((entry) => withReason(entry.message));
      assert.equal(recovered, expected, 'a restart keeps the order');
    }));
}

function withReason({
  content,
  propertiesLength,
  deaths,
}: Pick<StoredMessage, 'content' | 'propertiesLength' | 'deaths'>) {
  const body = content.subarray(propertiesLength).toString();
  return deaths === undefined ? body : `${body} after ${deaths[0]?.reason}`;
}

const atLeastOnce = {
  'x-queue-type': 'quorum',
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
};

test('at-least-once keeps a dead letter until there is a route', () => {
  const { vhost, clock, memory, put } = place({
    ...atLeastOnce,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'later',
  });
  put({ body: 'a', expirationMs: 10 });
  clock.move(5000);
  assert.is(memory.usedBytes > 0, true);
  const later = declare(vhost, 'later');
  clock.move(1000);
  assert.is(later.readyCount, 1);
  assert.is(clock.waiting, 0);
});

test('at-least-once waits for a full queue and delivers each letter once', () => {
  const { vhost, queue, clock, memory, put } = place({ ...atLeastOnce, 'x-dead-letter-exchange': 'amq.fanout' });
  const full = declare(vhost, 'full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
  const free = declare(vhost, 'free');
  for (const destination of ['full', 'free']) {
    const binding = { source: 'amq.fanout', destination, isQueue: true, routingKey: '', arguments: Arguments.none };
    vhost.bind(binding);
  }
  put(...Array.from({ length: 100 }, (_, index) => ({ body: String(index), expirationMs: 10 })));
  clock.move(10);
  // Both queues have accepted the first letter. The free queue has also accepted the 32 letters of the window.
  assert.equal([full.readyCount, free.readyCount], [1, 33]);
  const taken: (string | undefined)[] = [];
  for (let turn = 0; turn < 100; turn += 1) {
    taken.push(full.get(true)?.entry.message.body().toString());
    clock.move(1000);
  }
  assert.equal(
    taken,
    Array.from({ length: 100 }, (_, index) => String(index)),
  );
  assert.is(free.readyCount, 100);
  vhost.removeQueue(queue);
  assert.equal([clock.waiting, full.readyCount], [0, 0]);
  for (const each of free.ready) memory.release(each.message);
  assert.is(memory.usedBytes, 0);
});

for (const [name, limit] of [
  ['x-max-length', 2],
  ['x-max-length-bytes', 8],
] as const) {
  test(`pending dead letters count for ${name}`, () => {
    const { vhost, clock, queue, put } = place({
      ...{ ...atLeastOnce, [name]: limit },
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'later',
    });
    put(...['1', '2', '3'].map((number) => ({ body: `abc${number}`, expirationMs: 10 })));
    assert.not(queue.accepts(message('next')));
    clock.move(10);
    assert.equal([queue.readyCount, queue.accepts(message('next'))], [0, false]);
    declare(vhost, 'later');
    clock.move(1000);
    assert.ok(queue.accepts(message('next')));
  });
}

test('a deleted queue drops its pending dead letters', async () => {
  const { vhost, queue, clock, memory, put } = place({ ...atLeastOnce, 'x-dead-letter-exchange': 'missing' });
  put({ body: 'a', expirationMs: 10 });
  clock.move(10);
  vhost.removeQueue(queue);
  await vhost.slices.idle();
  assert.equal([clock.waiting, memory.usedBytes], [0, 0]);
});

test('dead-letters messages that expire while another letter is sent', () => {
  const { vhost, clock, queue, put } = place({ ...atLeastOnce, 'x-dead-letter-exchange': 'amq.fanout' });
  const dead = declare(vhost, 'dead');
  vhost.bind({ source: 'amq.fanout', destination: 'dead', isQueue: true, routingKey: '', arguments: Arguments.none });
  const source = declare(vhost, 'source', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q' });
  put(...Array.from({ length: 100 }, () => ({ body: 'a', expirationMs: 10 })));
  vhost.deliver(message('b'), [source]);
  clock.stall(10);
  source.reject(source.get(false)?.entry as QueueEntry);
  assert.equal([queue.readyCount, dead.readyCount], [1, 100]);
});

test('sets aside a message whose dead letter cannot be routed', async () => {
  await withFolder(async (folder) => {
    const store = await open(folder);
    const deadTo = { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'full' };
    const { vhost, log, queue, put } = place(deadTo, store);
    const full = declare(vhost, 'full', {
      'x-queue-type': 'quorum',
      'x-max-length': 1,
      'x-dead-letter-exchange': 'amq.direct',
    });
    makeExpensive(vhost);
    vhost.deliver(message(expensive), [full]);
    put('cheap');
    queue.reject(queue.get(false)?.entry as QueueEntry);
    assert.match(log.join(), /^a message of queue 'full' .* is set aside/);
    await store.close();
    assert.equal(bodiesIn(await recoveredIn(folder)), ['full: expensive', 'full: cheap']);
  });
});

test('a full queue refuses a message that it cannot dead-letter', () => {
  const { vhost, queue, log, put } = place({
    'x-max-length': 1,
    'x-overflow': 'reject-publish-dlx',
    'x-dead-letter-exchange': 'amq.direct',
  });
  makeExpensive(vhost);
  put('first');
  assert.is(vhost.deliver(message(expensive), [queue]).isRefused, true);
  assert.match(log.join(), /^a dead letter cannot be routed: /);
});

const expensive = { body: 'expensive', moreKeys: Array.from({ length: 1000 }, () => 'q') };

/** Makes the routing of `expensive` through `amq.direct` exceed the limit. */
function makeExpensive(vhost: VirtualHost): void {
  for (let index = 0; index < 301; index++) {
    const destination = declare(vhost, `target ${index}`).name;
    vhost.bind({ source: 'amq.direct', destination, isQueue: true, routingKey: 'q', arguments: Arguments.none });
  }
}

function bodiesIn({ entries }: Store['recovered']): string[] {
  return entries.map(({ queue, message: { content, propertiesLength } }) => {
    return `${queue.slice(queue.indexOf('\0') + 1)}: ${content.subarray(propertiesLength)}`;
  });
}

test.run();
