// Tests what the broker recovers after a restart with the same folder.

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfirmChannel } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../src/broker/codec/arguments.ts';
import { encodeProperties } from '../../src/broker/codec/properties.ts';
import { encodeTable, Timestamp } from '../../src/broker/codec/table.ts';
import { Message } from '../../src/broker/queue/message.ts';
import { openStore } from '../../src/broker/store.ts';
import { HandClock } from '../support/broker-clock.ts';
import { drain, get, Place } from '../support/embedded.ts';
import { HeldStore } from '../support/held-store.ts';
import { until } from '../support/until.ts';

const body = (text: string) => Buffer.from(text);

test('recovers durable definitions and persistent messages, and nothing else', () =>
  inFolder(async (use) => {
    await use(async (place) => {
      const channel = await place.channel();
      await channel.assertExchange('x', 'topic', { alternateExchange: 'amq.fanout' });
      await channel.assertExchange('transient', 'topic', { durable: false });
      await channel.assertQueue('kept', { arguments: { 'x-max-length': 100, 'x-queue-type': 'classic' } });
      await channel.assertQueue('transient', { durable: false });
      await channel.assertQueue('mine', { exclusive: true });
      await channel.bindQueue('kept', 'x', 'a.#', { why: 'test' });
      await channel.bindQueue('transient', 'x', 'a.#');
      channel.publish('x', 'a.b', body('persistent'), { persistent: true, headers: { n: 1 }, priority: 3 });
      channel.publish('x', 'a.b', body('not persistent'));
      await channel.waitForConfirms();
      assert.is((await channel.checkQueue('kept')).messageCount, 2);
    });
    await use(async (place) => {
      const vhost = place.broker.vhosts.get('/');
      assert.equal([...(vhost?.queues.keys() ?? [])], ['kept']);
      assert.not(vhost?.exchanges.has('transient'));
      const channel = await place.channel();
      await channel.assertExchange('x', 'topic', { alternateExchange: 'amq.fanout' });
      await channel.assertQueue('kept', { arguments: { 'x-max-length': 100, 'x-queue-type': 'classic' } });
      channel.publish('x', 'a.c', body('new'));
      await channel.waitForConfirms();
      const message = await get(channel, 'kept');
      assert.equal(
        [message.content.toString(), message.fields.redelivered, message.properties.priority],
        ['persistent', false, 3],
      );
      channel.ack(message);
      assert.equal(await drain(channel, 'kept'), ['new']);
    });
    await use(async (place) => {
      const channel = await place.channel();
      assert.is((await channel.checkQueue('kept')).messageCount, 0);
      await channel.deleteQueue('kept');
      await channel.deleteExchange('x');
    });
    await use(async (place) => {
      const vhost = place.broker.vhosts.get('/');
      assert.is(vhost?.queues.size, 0);
      assert.not(vhost?.exchanges.has('x'));
    });
  }));

test('a second declaration is answered when the first one is on disk', async () => {
  const held = new HeldStore();
  await Place.with({ store: held.store }, async (place) => {
    const channels = [await place.channel(await place.connection()), await place.channel(await place.connection())];
    held.isHolding = true;
    let answers = 0;
    const declare = async (channel: ConfirmChannel | undefined) => {
      await channel?.assertQueue('q');
      answers += 1;
    };
    const declared: Promise<void>[] = [];
    try {
      for (const [index, channel] of channels.entries()) {
        declared.push(declare(channel));
        await until('the declaration waits, or is answered', () => held.waiting.length > index || answers > 0);
      }
      assert.is(answers, 0);
    } finally {
      held.release();
      await Promise.all(declared);
    }
  });
});

test('a quorum queue keeps every message and its delivery count', () =>
  inFolder(async (use) => {
    await use(async (place) => {
      const channel = await place.channel();
      await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
      channel.sendToQueue('q', body('a'));
      await channel.waitForConfirms();
      channel.reject(await get(channel, 'q'), true);
      await channel.checkQueue('q');
    });
    await use(async (place) => {
      const message = await get(await place.channel(), 'q');
      assert.is(message.properties.headers?.['x-delivery-count'], 1);
      assert.ok(message.fields.redelivered);
    });
  }));

test('after a normal stop only delivered messages are redelivered', () =>
  inFolder(async (use) => {
    const types = ['classic', 'quorum'];
    await use(async (place) => {
      const channel = await place.channel();
      for (const type of types) {
        await channel.assertQueue(type, { arguments: { 'x-queue-type': type } });
        for (const text of ['held', 'waiting']) channel.sendToQueue(type, body(text), { persistent: true });
        await channel.waitForConfirms();
        await get(channel, type);
      }
    });
    await use(async (place) => assert.equal(await redelivered(place, types), ['held true', 'waiting false']));
  }));

test('after a crash every message is marked as redelivered', () =>
  afterCrash(
    async (channel) => {
      await channel.assertQueue('classic');
      channel.sendToQueue('classic', body('waiting'), { persistent: true });
      await channel.waitForConfirms();
    },
    async (place) => assert.equal(await redelivered(place, ['classic']), ['waiting true']),
  ));

test('a quorum queue delivers requeued messages first after any restart', async () => {
  const begin = async (channel: ConfirmChannel) => {
    await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
    for (const text of ['1', '2', '3', '4', '5']) channel.sendToQueue('q', body(text));
    await channel.waitForConfirms();
    const [one, two, three] = [await get(channel, 'q'), await get(channel, 'q'), await get(channel, 'q')];
    channel.reject(three, true);
    channel.nack(one, false, true);
    channel.ack(two);
    await channel.checkQueue('q');
  };
  const check = async (place: Place) => {
    const channel = await place.channel();
    const found: unknown[] = [];
    for (let message = await channel.get('q'); message !== false; message = await channel.get('q')) {
      const { 'x-delivery-count': failures = 0, 'x-acquired-count': returns = 0 } = message.properties.headers ?? {};
      found.push([message.content.toString(), failures, returns]);
    }
    assert.equal(found, [
      ['3', 1, 1],
      ['1', 0, 1],
      ['4', 0, 0],
      ['5', 0, 0],
    ]); // as RabbitMQ 4.3.6
  };
  await afterCrash(begin, check);
  await inFolder(async (use) => {
    await use(async (place) => begin(await place.channel()));
    await use(check);
  });
});

test('a queue keeps its length limit after a crash and dead-letters the head', () =>
  afterCrash(
    async (channel) => {
      await channel.assertQueue('dead');
      await channel.assertQueue('q', { maxLength: 2, deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
      for (const text of ['1', '2']) channel.sendToQueue('q', body(text), { persistent: true });
      await channel.waitForConfirms();
      await get(channel, 'q');
      await get(channel, 'q');
      for (const text of ['3', '4']) channel.sendToQueue('q', body(text), { persistent: true });
      await channel.waitForConfirms();
    },
    async (place) => {
      const channel = await place.channel();
      assert.equal(await drain(channel, 'q'), ['3', '4']);
      assert.equal(await drain(channel, 'dead'), ['1', '2']);
    },
  ));

test('a message expires in time although the system clock is set back', () =>
  inFolder(async (use) => {
    const hourMs = 3_600_000;
    await use(async (place, clock) => {
      const channel = await place.channel();
      await channel.assertQueue('dead');
      await channel.assertQueue('q', { messageTtl: 1000, deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
      await channel.assertQueue('gone', { expires: 1000 });
      for (const text of ['soon', 'later']) channel.sendToQueue('q', body(text), { persistent: true });
      await channel.waitForConfirms();
      clock.setBackMs = hourMs;
      clock.move(999);
      assert.is((await channel.checkQueue('q')).messageCount, 2);
    });
    await use(async (place, clock) => {
      const channel = await place.channel();
      clock.move(1000);
      assert.equal(await drain(channel, 'q'), []);
      assert.equal(await drain(channel, 'dead'), ['soon', 'later']);
      assert.not(place.broker.vhosts.get('/')?.queues.has('gone'));
    });
  }));

/** Runs `use` with a broker, and then `check` with a broker on the files that a crash would leave. */
async function afterCrash(
  use: (channel: ConfirmChannel) => Promise<void>,
  check: (place: Place) => Promise<void>,
): Promise<void> {
  const copy = await mkdtemp(join(tmpdir(), 'mq-crashed-'));
  try {
    await inFolder(async (once, folder) => {
      await once(async (place) => {
        await use(await place.channel());
        await new Promise<void>((done) => place.broker.store?.committed(() => done()));
        // Copies the files while the broker runs, without a normal stop.
        await cp(folder, copy, { recursive: true, filter: (path) => !path.includes('lock') });
      });
    });
    const store = await openStore(copy, { pid: process.pid, isAlive: () => true });
    await Place.with({ store }, check);
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** Returns body and flag of each message, which are the same in all queues. Requeues the messages. */
async function redelivered(place: Place, queues: readonly string[]): Promise<string[]> {
  const channel = await place.channel();
  const found = await Promise.all(
    queues.map(async (queue) => {
      const lines: string[] = [];
      for (let message = await channel.get(queue); message !== false; message = await channel.get(queue)) {
        lines.push(`${message.content} ${message.fields.redelivered}`);
      }
      return lines;
    }),
  );
  for (const lines of found) assert.equal(lines, found[0]);
  return found[0] ?? [];
}

test('a dead-lettered message is in its new queue only, and keeps its TTL', () =>
  inFolder(async (use) => {
    await use(async (place) => {
      const channel = await place.channel();
      await channel.assertQueue('dead');
      await channel.assertQueue('q', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
      channel.sendToQueue('q', body('rejected'), { persistent: true });
      channel.sendToQueue('q', body('expiring'), { persistent: true, expiration: '1' });
      await channel.waitForConfirms();
      const message = await channel.get('q');
      if (message !== false) channel.reject(message, false);
      await channel.checkQueue('q');
    });
    await use(async (place, clock) => {
      clock.move(1);
      const channel = await place.channel();
      assert.equal((await drain(channel, 'dead')).sort(), ['expiring', 'rejected']);
      assert.equal(await drain(channel, 'q'), []);
    });
  }));

test('recovers virtual hosts, users and permissions', () =>
  inFolder(async (use) => {
    await use(async ({ broker }) => {
      broker.addVhost('mine');
      broker.users.put({ name: 'bob', password: 'secret', tags: ['monitoring'] });
      broker.users.allow('bob', 'mine', { configure: '^bob', write: '.*', read: '.*' });
    });
    await use(async (place) => {
      const channel = await place.channel(await place.connection({ user: 'bob', password: 'secret', vhost: 'mine' }));
      await channel.assertQueue('bob-1');
      assert.equal(place.broker.users.all.get('bob')?.tags, ['monitoring']);
    });
  }));

test('completes the interrupted deletion of a virtual host at the next start', () =>
  inFolder(async (use) => {
    await use(async (place) => {
      place.broker.addVhost('full');
      place.broker.users.allow('guest', 'full', { configure: '.*', write: '.*', read: '.*' });
      const channel = await place.channel(await place.connection({ vhost: 'full' }));
      for (let index = 0; index < 2000; index++) {
        await channel.assertQueue(`q${index}`);
        await channel.bindQueue(`q${index}`, 'amq.fanout', '');
      }
      channel.publish('amq.fanout', '', body('a'), { persistent: true });
      await channel.waitForConfirms();
      const removal = place.broker.removeVhost('full');
      // Later changes are discarded, as after a crash.
      await place.broker.store?.close();
      await removal;
    });
    await use(async ({ broker }) => {
      assert.equal([...broker.vhosts.keys()], ['/']);
      broker.addVhost('full');
    });
    await use(async ({ broker }) => {
      assert.is(broker.vhosts.get('full')?.queues.size, 0);
      assert.is(broker.store?.recovered.entries.length, 0);
    });
  }));

test("ignores a client's x-death header after a restart", () =>
  inFolder(async (use) => {
    await use(async (place) => {
      const channel = await place.channel();
      await channel.assertQueue('work');
      await channel.assertQueue('wait', { deadLetterExchange: '', deadLetterRoutingKey: 'work' });
      const death = { queue: 'work', reason: 'expired', count: 7, time: { '!': 'timestamp', value: 0 } };
      channel.sendToQueue('wait', body('a'), { persistent: true, expiration: '1', headers: { 'x-death': [death] } });
      await channel.waitForConfirms();
    });
    await use(async (place, clock) => {
      const channel = await place.channel();
      clock.move(1);
      const message = await get(channel, 'work');
      const deaths = message.properties.headers?.['x-death'] as { queue: string; count: number }[];
      assert.equal(
        deaths.map(({ queue, count }) => [queue, count]),
        [['wait', 1]],
      );
    });
  }));

test('recovers a message with the largest timestamp in its headers', () =>
  inFolder(async (use) => {
    await use(async ({ broker }) => {
      const vhost = broker.vhosts.get('/');
      const place = { durable: true, exclusive: false, autoDelete: false };
      vhost?.declareQueue({ ...place, queue: 'work', arguments: Arguments.none }, undefined);
      const toWork = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work' };
      vhost?.declareQueue({ ...place, queue: 'wait', arguments: Arguments.decode(encodeTable(toWork)) }, undefined);
      const time = new Timestamp(2 ** 64);
      const headers = { 'x-death': [{ queue: 'wait', reason: 'expired', time, count: 2n ** 63n - 1n }] };
      const properties = encodeProperties({ headers, deliveryMode: 2, expiration: '1', timestamp: 2 ** 64 });
      const parts = { exchange: '', routingKey: 'wait', persistent: true, priority: undefined, expirationMs: 1 };
      const content = Buffer.concat([properties, body('a')]);
      const wait = vhost?.queues.get('wait');
      assert.ok(wait);
      vhost?.deliver(new Message({ ...parts, content, propertiesLength: properties.length }), [wait]);
    });
    await use(async (place, clock) => {
      clock.move(1);
      assert.is((await get(await place.channel(), 'work')).content.toString(), 'a');
    });
  }));

test('recovers deaths and the routing keys of CC and BCC', () =>
  inFolder(async (use) => {
    await use(async (place, clock) => {
      const channel = await place.channel();
      await channel.assertExchange('dead', 'direct');
      for (const name of ['first', 'cc', 'bcc']) {
        await channel.assertQueue(`${name}.dead`);
        await channel.bindQueue(`${name}.dead`, 'dead', name);
      }
      await channel.assertQueue('first', { deadLetterExchange: 'dead' });
      await channel.assertQueue('round', { deadLetterExchange: '', deadLetterRoutingKey: 'first' });
      channel.sendToQueue('round', body('twice'), { persistent: true, expiration: '1' });
      channel.sendToQueue('first', body('a'), { persistent: true, CC: 'cc', BCC: 'bcc' });
      await channel.waitForConfirms();
      clock.move(1);
      await channel.checkQueue('first');
    });
    await use(async (place) => {
      const channel = await place.channel();
      for (const text of ['a', 'twice']) {
        const message = await get(channel, 'first');
        assert.is(message.content.toString(), text);
        channel.reject(message, false);
      }
      const dead = await get(channel, 'first.dead');
      assert.equal(dead.properties.headers?.['x-death']?.[0]?.['routing-keys'], ['first', 'cc']);
      const twice = await get(channel, 'first.dead');
      assert.equal(
        twice.properties.headers?.['x-death']?.map(({ queue }) => queue),
        ['first', 'round'],
      );
      assert.equal([await drain(channel, 'cc.dead'), await drain(channel, 'bcc.dead')], [['a'], ['a']]);
    });
  }));

test('sets a damaged definition aside with its messages and recovers the rest', () =>
  inFolder(async (use, folder) => {
    await use(async (place) => {
      const channel = await place.channel();
      for (const queue of ['bad', 'good']) {
        await channel.assertQueue(queue);
        channel.sendToQueue(queue, body(queue), { persistent: true });
      }
      await channel.waitForConfirms();
    });
    const key = '/\0bad';
    const good = { vhost: '/', queue: 'bad', autoDelete: false, arguments: Arguments.none.raw.toString('base64') };
    const wrong = encodeTable({ 'x-queue-type': 'other' }).toString('base64');
    const define = async (value: object) => {
      const store = await openStore(folder, { pid: process.pid, isAlive: () => true });
      store.define({ kind: 'queue', key, value });
      await store.close();
    };
    await define({ ...good, arguments: wrong });
    await use(async (place) => {
      assert.equal([...(place.broker.vhosts.get('/')?.queues.keys() ?? [])], ['good']);
      assert.equal(await drain(await place.channel(), 'good'), ['good']);
    });
    await define(good);
    await use(async (place) => assert.equal(await drain(await place.channel(), 'bad'), ['bad']));
  }));

/** Runs the broker once. The clock of its queues stops until the step moves it. */
type Step = (place: Place, clock: HandClock) => Promise<void>;

async function inFolder(run: (use: (step: Step) => Promise<void>, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mq-durability-'));
  try {
    const clock = new HandClock();
    await run(async (step) => {
      const store = await openStore(folder, { pid: process.pid, isAlive: () => true });
      await Place.with({ store, clock }, (place) => step(place, clock));
    }, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.run();
