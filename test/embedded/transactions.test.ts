// Tests transactions (class tx).

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { methodKey, methods } from '../../src/broker/codec/methods.ts';
import { drain, get, Place, refusal } from '../support/embedded.ts';

test('publishes and acknowledgements take effect only after a commit', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const channel = await connection.createChannel();
    const other = await place.channel(connection);
    await channel.assertQueue('q');
    await channel.assertQueue('out');
    other.sendToQueue('q', Buffer.from('in'));
    await other.waitForConfirms();
    await ask(channel, 'tx.select');

    const first = await get(channel, 'q');
    channel.sendToQueue('out', Buffer.from('a'));
    channel.ack(first);
    assert.equal(await drain(other, 'out'), []);
    await ask(channel, 'tx.rollback');
    assert.equal(await drain(other, 'out'), []);

    channel.sendToQueue('out', Buffer.from('b'));
    channel.ack(first);
    await ask(channel, 'tx.commit');
    assert.equal(await drain(other, 'out'), ['b']);
    await channel.close();
    assert.equal(await drain(other, 'q'), []);
  }));

test('a closed channel requeues a message whose ack was not committed', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const channel = await connection.createChannel();
    const other = await place.channel(connection);
    await channel.assertQueue('q');
    other.sendToQueue('q', Buffer.from('in'));
    await other.waitForConfirms();
    await ask(channel, 'tx.select');
    channel.ack(await get(channel, 'q'));
    await channel.close();
    assert.equal(await drain(other, 'q'), ['in']);
  }));

test('refuses transactions with confirms, and a commit without tx.select', () =>
  Place.with({}, async (place) => {
    const confirming = await place.channel();
    assert.equal(await refusal(confirming, () => ask(confirming, 'tx.select')), {
      code: 406,
      text: 'PRECONDITION_FAILED - cannot switch from confirm to tx mode',
    });
    const plain = await (await place.connection()).createChannel();
    assert.equal(await refusal(plain, () => ask(plain, 'tx.commit')), {
      code: 406,
      text: 'PRECONDITION_FAILED - channel is not transactional',
    });
  }));

for (const type of ['classic', 'quorum']) {
  test(`a commit fails if a full ${type} queue refuses a message`, () =>
    Place.with({}, async (place) => {
      const connection = await place.connection();
      const channel = await connection.createChannel();
      const other = await place.channel(connection);
      const limits = { 'x-max-length': 2, 'x-overflow': 'reject-publish', 'x-queue-type': type };
      await channel.assertQueue('full', { arguments: limits });
      await channel.assertQueue('in');
      other.sendToQueue('in', Buffer.from('in'));
      await other.waitForConfirms();
      await ask(channel, 'tx.select');
      channel.ack(await get(channel, 'in'));
      for (const body of ['1', '2', '3', '4']) channel.sendToQueue('full', Buffer.from(body));
      assert.equal(await refusal(channel, () => ask(channel, 'tx.commit')), {
        code: 406,
        text: 'PRECONDITION_FAILED - partial tx completion',
      });
      assert.equal((await drain(other, 'full')).slice(0, 2), ['1', '2']);
      assert.equal(await drain(other, 'in'), [], 'its acknowledgement took effect');
    }));
}

test('a message of a transaction is routed when it is published', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const channel = await connection.createChannel();
    const other = await place.channel(connection);
    await other.assertQueue('q');
    await other.assertQueue('later');
    await other.assertExchange('e', 'fanout');
    await other.bindQueue('q', 'e', '');
    await ask(channel, 'tx.select');
    channel.publish('e', '', Buffer.from('a'));
    // The broker has received the publish when it answers.
    await channel.checkQueue('q');
    await other.bindQueue('later', 'e', '');
    await other.deleteExchange('e');
    await ask(channel, 'tx.commit');
    assert.equal([await drain(other, 'q'), await drain(other, 'later')], [['a'], []]);
  }));

test('a queue that is deleted before the commit receives nothing', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const channel = await connection.createChannel();
    const other = await place.channel(connection);
    await other.assertQueue('q');
    await ask(channel, 'tx.select');
    channel.sendToQueue('q', Buffer.from('a'));
    await channel.checkQueue('q');
    await other.deleteQueue('q');
    await ask(channel, 'tx.commit');
    await other.assertQueue('q');
    assert.equal(await drain(other, 'q'), []);
  }));

/** Calls a method of class tx. amqplib can encode these methods, but has no functions for them. */
async function ask(channel: object, name: 'tx.select' | 'tx.commit' | 'tx.rollback'): Promise<void> {
  const { rpc } = channel as { rpc(method: number, fields: object, answer: number): Promise<unknown> };
  const [classId, methodId] = methods[name].id;
  const key = methodKey(classId, methodId);
  await rpc.call(channel, key, {}, key + 1);
}

test.run();
