// What is durable is there again after the broker was started anew over the same folder.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/broker/store.ts';
import { drain, get, Place } from '../support/embedded.ts';

const body = (text: string) => Buffer.from(text);

test('durable definitions and persistent messages come back, everything else is gone', () =>
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
        ['persistent', true, 3],
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

test('a quorum queue keeps every message, and its count of failures', () =>
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

test('a message that was dead-lettered is in its new queue only, and its time to live goes on', () =>
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
    await use(async (place) => {
      const channel = await place.channel();
      assert.equal((await drain(channel, 'dead')).sort(), ['expiring', 'rejected']);
      assert.equal(await drain(channel, 'q'), []);
    });
  }));

test('virtual hosts, users and permissions come back', () =>
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

async function inFolder(
  run: (use: (step: (place: Place) => Promise<void>) => Promise<void>) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mq-durability-'));
  try {
    await run(async (step) => {
      const store = await openStore(folder, { pid: process.pid, isAlive: () => true });
      await Place.with({ store }, step);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.run();
