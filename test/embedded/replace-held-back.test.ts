// mq apply --replace does not delete a queue with messages that are neither ready nor unacknowledged: dead letters that
// wait for their target, and messages that wait for a delayed retry.

import type { ConfirmChannel } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objectsIn, received, type Shop, withShop } from '../support/replace.ts';
import { until } from '../support/until.ts';

const replace = ['apply', '--replace', 'orders', '--yes'];

const deadLettering = {
  'x-queue-type': 'quorum',
  'x-dead-letter-exchange': 'dlx',
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
};
const delaying = { 'x-queue-type': 'quorum', 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 60_000 };

/** Runs `use` with a queue of these arguments, which differs from rascal.json only in `x-max-length`. */
function withHeld(all: Readonly<Record<string, unknown>>, use: (shop: Shop) => Promise<void>): Promise<void> {
  const wanted = { arguments: { ...all, 'x-max-length': 100_000 } };
  return withShop({ wanted, found: { arguments: all } }, async (shop) => {
    await shop.channel.assertExchange('dlx', 'direct');
    await use(shop);
  });
}

async function publish(channel: ConfirmChannel, options = {}): Promise<void> {
  for (const body of ['1', '2', '3'])
    channel.sendToQueue('orders', Buffer.from(body), { persistent: true, ...options });
  await channel.waitForConfirms();
}

/** Receives each message once, and rejects it. */
async function rejectAll(channel: ConfirmChannel, { requeue }: { requeue: boolean }): Promise<void> {
  for (let number = 1; number <= 3; number += 1) {
    const message = await channel.get('orders');
    if (message) channel.nack(message, false, requeue);
  }
}

async function countsOf({ vhost: { api, name } }: Shop, queue: string): Promise<unknown[]> {
  const one = (await api('GET', `/api/queues/${name}/${queue}`)) as Record<string, unknown>;
  return [one['messages'], one['messages_ready'], one['messages_unacknowledged']];
}

/** Binds a target, to which the broker then sends the dead letters, and returns how many have arrived. */
async function deadLetters({ channel }: Shop): Promise<string[]> {
  await channel.assertQueue('dead');
  await channel.bindQueue('dead', 'dlx', 'orders');
  await until('three dead letters', async () => (await channel.checkQueue('dead')).messageCount === 3);
  return (await received(channel, 'dead')).map(({ content }) => content.toString()).toSorted();
}

test('refuses while dead letters wait for their target', () =>
  withHeld(deadLettering, async (shop) => {
    const { channel, run, vhost } = shop;
    await publish(channel);
    await rejectAll(channel, { requeue: false });
    assert.equal(await until('three held back', () => held(shop, 'orders', 3)), [3, 0, 0]);
    const { status, stderr } = await run(replace);
    assert.is(status, 75, stderr);
    assert.match(stderr, /the queue 'orders' holds back 3 messages for a dead-letter target or a delayed retry/);
    assert.match(stderr, /messages_dlx/);
    assert.equal((await objectsIn(vhost)).queues, ['orders']);
    assert.equal(await deadLetters(shop), ['1', '2', '3']);
    const last = await run(replace);
    assert.is(last.status, 0, last.stderr);
  }));

test('refuses while messages wait for a delayed retry', () =>
  withHeld(delaying, async (shop) => {
    const { channel, run, vhost } = shop;
    await publish(channel);
    await rejectAll(channel, { requeue: true });
    assert.equal(await until('three held back', () => held(shop, 'orders', 3)), [3, 0, 0]);
    const { status, stderr } = await run(replace);
    assert.is(status, 75, stderr);
    assert.match(stderr, /the queue 'orders' holds back 3 messages for a dead-letter target or a delayed retry/);
    assert.equal((await objectsIn(vhost)).queues, ['orders']);
    assert.equal(await countsOf(shop, 'orders'), [3, 0, 0]);
  }));

test('keeps a holding queue with dead letters that wait, and finishes later', () =>
  withHeld(deadLettering, async (shop) => {
    const { channel, run, vhost } = shop;
    await publish(channel, { expiration: '3000' });
    const { status, stderr } = await run(replace);
    assert.is(status, 75, stderr);
    assert.match(
      stderr,
      /'orders\.mq-replace' holds back 3 messages for .*; the other messages are in 'orders\.mq-replace'/,
    );
    assert.match(stderr, /mq apply --replace orders continues/);
    assert.equal((await objectsIn(vhost)).queues, ['orders', 'orders.mq-replace']);
    assert.equal(await countsOf(shop, 'orders.mq-replace'), [3, 0, 0]);
    assert.equal(await deadLetters(shop), ['1', '2', '3']);
    const last = await run(replace);
    assert.is(last.status, 0, last.stderr);
    assert.equal((await objectsIn(vhost)).queues, ['dead', 'orders']);
  }));

async function held(shop: Shop, queue: string, count: number): Promise<unknown[] | false> {
  const counts = await countsOf(shop, queue);
  return counts.join() === `${count},0,0` && counts;
}

test.run();
