// Sends messages through the embedded broker, over real sockets, with amqplib.

import type { ConsumeMessage } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drain, get, Place, refusal } from '../support/embedded.ts';
import { until } from '../support/until.ts';

const body = (text: string) => Buffer.from(text);

test('delivers bodies of every size unchanged and in order', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q');
    const bodies = [0, 1, 4095, 4096, 4097, 131_064, 131_065, 300_000, 5_000_000].map((length) =>
      Buffer.alloc(length, `${length}`),
    );
    for (const each of bodies) channel.sendToQueue('q', each);
    await channel.waitForConfirms();
    const got: Buffer[] = [];
    await channel.consume('q', (message) => got.push((message as ConsumeMessage).content), { noAck: true });
    await until('all messages have arrived', () => got.length === bodies.length);
    assert.ok(bodies.every((each, index) => each.equals(got[index] as Buffer)));
  }));

test('confirms every message, and several at once with multiple', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q');
    let confirmed = 0;
    for (let index = 0; index < 5000; index++) channel.sendToQueue('q', body('x'), {}, () => confirmed++);
    await channel.waitForConfirms();
    assert.is(confirmed, 5000);
    assert.is((await channel.checkQueue('q')).messageCount, 5000);
  }));

test('returns a mandatory message without a queue before its confirm', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    const order: string[] = [];
    channel.on('return', (message) =>
      order.push(`return ${'replyCode' in message.fields && message.fields.replyCode} ${message.content}`),
    );
    await new Promise<void>((resolve) => {
      channel.publish('amq.direct', 'nowhere', body('m'), { mandatory: true }, () => {
        order.push('confirm');
        resolve();
      });
    });
    assert.equal(order, ['return 312 m', 'confirm']);
  }));

test('reject-publish nacks one message and acks its neighbours', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q', { arguments: { 'x-max-length': 2, 'x-overflow': 'reject-publish' } });
    const results = await Promise.all(
      [1, 2, 3, 4].map(
        (n) => new Promise((resolve) => channel.sendToQueue('q', body(`${n}`), {}, (error) => resolve(error === null))),
      ),
    );
    assert.equal(results, [true, true, false, false]);
  }));

test('a consumer has at most its prefetch of unacknowledged messages', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q');
    for (let index = 0; index < 10; index++) channel.sendToQueue('q', body(`${index}`));
    await channel.waitForConfirms();
    const held: ConsumeMessage[] = [];
    await channel.prefetch(3);
    await channel.consume('q', (message) => held.push(message as ConsumeMessage));
    await until('three messages are delivered', () => held.length === 3);
    await channel.checkQueue('q');
    assert.is(held.length, 3);
    channel.ack(held[2] as ConsumeMessage, true);
    await until('three more messages are delivered', () => held.length === 6);
    await channel.checkQueue('q');
    assert.is(held.length, 6);
  }));

test('a prefetch of the channel counts all of its consumers', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('a');
    await channel.assertQueue('b');
    await channel.prefetch(2, true);
    const held: ConsumeMessage[] = [];
    for (const queue of ['a', 'b']) {
      await channel.consume(queue, (message) => held.push(message as ConsumeMessage));
      for (let index = 0; index < 3; index++) channel.sendToQueue(queue, body(queue));
    }
    await channel.waitForConfirms();
    assert.is(held.length, 2);
    channel.nackAll(false);
    await until('two more messages are delivered', () => held.length === 4);
    await channel.checkQueue('a');
    assert.is(held.length, 4);
  }));

test('requeues the messages of a lost channel in place, as redelivered', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const [one, two] = [await place.channel(connection), await place.channel(connection)];
    await one.assertQueue('q');
    for (const text of ['a', 'b', 'c']) one.sendToQueue('q', body(text));
    await one.waitForConfirms();
    await get(one, 'q');
    await get(one, 'q');
    await one.close();
    const first = await get(two, 'q');
    assert.equal([first.content.toString(), first.fields.redelivered], ['a', true]);
    assert.equal(await drain(two, 'q'), ['b', 'c']);
  }));

test('a deleted queue cancels its consumers', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const [one, two] = [await place.channel(connection), await place.channel(connection)];
    await one.assertQueue('q');
    const cancelled = new Promise((resolve) => void one.consume('q', resolve));
    await one.checkQueue('q');
    await two.deleteQueue('q');
    assert.is(await cancelled, null);
  }));

test('routes by CC and BCC, and removes BCC from the message', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    for (const queue of ['a', 'b', 'c']) await channel.assertQueue(queue);
    channel.publish('', 'a', body('m'), { CC: ['b'], BCC: ['c'], headers: { kept: 1 } });
    await channel.waitForConfirms();
    for (const queue of ['a', 'b', 'c']) {
      const { headers } = (await get(channel, queue)).properties;
      assert.equal({ ...headers }, { kept: 1, CC: ['b'] });
    }
  }));

test('exchanges bound to each other in a circle deliver once', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    for (const exchange of ['x', 'y']) await channel.assertExchange(exchange, 'fanout');
    await channel.bindExchange('x', 'y', '');
    await channel.bindExchange('y', 'x', '');
    await channel.assertQueue('q');
    await channel.bindQueue('q', 'x', 'one');
    await channel.bindQueue('q', 'y', 'two');
    channel.publish('x', '', body('m'));
    await channel.waitForConfirms();
    assert.equal(await drain(channel, 'q'), ['m']);
  }));

test('sends an unroutable message to the alternate exchange', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertExchange('rest', 'fanout');
    await channel.assertExchange('x', 'direct', { alternateExchange: 'rest' });
    await channel.assertQueue('q');
    await channel.bindQueue('q', 'rest', '');
    for (const text of ['a', 'b']) channel.publish('x', 'key', body(text));
    await channel.assertQueue('own');
    await channel.bindQueue('own', 'x', 'key');
    channel.publish('x', 'key', body('c'));
    // One of several routing keys is enough.
    channel.publish('x', 'nowhere', body('d'), { CC: ['key'] });
    await channel.waitForConfirms();
    assert.equal(
      [await drain(channel, 'q'), await drain(channel, 'own')],
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    );
  }));

test("a changed binding applies to the publisher's next message", () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q');
    for (const type of ['topic', 'direct', 'fanout']) {
      const publish = async () => {
        channel.publish(`amq.${type}`, 'k', body(type));
        await channel.waitForConfirms();
        return (await drain(channel, 'q')).length;
      };
      const counts = [await publish()];
      await channel.bindQueue('q', `amq.${type}`, 'k');
      counts.push(await publish());
      await channel.unbindQueue('q', `amq.${type}`, 'k');
      counts.push(await publish());
      assert.equal(counts, [0, 1, 0], type);
    }
  }));

test('evaluates a headers exchange for each message', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertExchange('d', 'direct');
    await channel.bindExchange('amq.headers', 'd', 'k');
    for (const n of [0, 1]) {
      await channel.assertQueue(`q${n}`);
      await channel.bindQueue(`q${n}`, 'amq.headers', '', { n });
    }
    for (const n of [0, 1, 2]) channel.publish('d', 'k', body(`${n}`), { headers: { n } });
    await channel.waitForConfirms();
    assert.equal([await drain(channel, 'q0'), await drain(channel, 'q1')], [['0'], ['1']]);
  }));

test('a prefetch of the whole channel serves its queues in turn', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    const queues = ['a', 'b', 'c'];
    for (const queue of queues) {
      await channel.assertQueue(queue);
      for (let number = 0; number < 4; number++) channel.sendToQueue(queue, body(queue));
    }
    await channel.waitForConfirms();
    await channel.prefetch(1, true);
    const got: string[] = [];
    await new Promise<void>((done) => {
      for (const queue of queues) {
        void channel.consume(queue, (message) => {
          if (message === null || got.length === 9) return;
          got.push(message.content.toString());
          channel.ack(message);
          if (got.length === 9) done();
        });
      }
    });
    // The first consumer may receive before the others exist.
    for (const queue of queues) assert.ok(got.filter((one) => one === queue).length >= 2, got.join(' '));
  }));

test('a direct reply reaches the channel of the request', () =>
  Place.with({}, async (place) => {
    const [client, server] = [await place.channel(), await place.channel()];
    await server.assertQueue('rpc');
    await server.consume('rpc', (message) => {
      const { replyTo, correlationId } = (message as ConsumeMessage).properties;
      server.sendToQueue(replyTo as string, body('answer'), { correlationId: correlationId as string });
    });
    const answers: ConsumeMessage[] = [];
    await client.consume('amq.rabbitmq.reply-to', (message) => answers.push(message as ConsumeMessage), {
      noAck: true,
    });
    client.sendToQueue('rpc', body('question'), { replyTo: 'amq.rabbitmq.reply-to', correlationId: 'c1' });
    const { content, properties, fields } = await until('the reply has arrived', () => answers[0]);
    assert.equal([content.toString(), properties.correlationId, fields.exchange], ['answer', 'c1', '']);
  }));

test('refuses a body above 16 MiB, and keeps the connection', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const channel = await place.channel(connection);
    const { code, text } = await refusal(channel, () => channel.sendToQueue('q', Buffer.alloc(16 * 1024 * 1024 + 1)));
    assert.equal(
      [code, text],
      [406, 'PRECONDITION_FAILED - message size 16777217 is larger than configured max size 16777216'],
    );
    await (await place.channel(connection)).checkExchange('amq.direct');
  }));

test('blocks publishers during a memory alarm, and serves consumers', () =>
  Place.with({ memoryLimitBytes: 100_000 }, async (place) => {
    const [publisherConnection, consumerConnection] = [await place.connection(), await place.connection()];
    const events: string[] = [];
    for (const event of ['blocked', 'unblocked']) publisherConnection.on(event, () => events.push(event));
    consumerConnection.on('blocked', () => events.push('consumer blocked'));
    const publisher = await place.channel(publisherConnection);
    await publisher.assertQueue('q');
    let confirmed = 0;
    for (let index = 0; index < 3000; index++) publisher.sendToQueue('q', Buffer.alloc(1000), {}, () => confirmed++);
    await until('the publisher is blocked', () => events.includes('blocked'));
    const consumer = await place.channel(consumerConnection);
    await consumer.checkQueue('q');
    assert.ok(place.broker.memory.usedBytes < 1_000_000, `${place.broker.memory.usedBytes} bytes are in memory`);
    let got = 0;
    await consumer.consume('q', () => got++, { noAck: true });
    await until('all messages', () => got === 3000 && confirmed === 3000);
    await until('the publisher is unblocked', () => events.includes('unblocked'));
    assert.is(events.includes('consumer blocked'), false);
    assert.is(place.broker.memory.usedBytes, 0);
  }));

test('blocks a connection that opens during a memory alarm', () =>
  Place.with({ memoryLimitBytes: 100_000 }, async (place) => {
    const publisher = await place.channel();
    await publisher.assertQueue('full');
    for (let index = 0; index < 200; index++) publisher.sendToQueue('full', Buffer.alloc(1000));
    await until('the memory alarm is set', () => place.broker.memory.isHigh);
    const connection = await place.connection();
    const events: string[] = [];
    for (const event of ['blocked', 'unblocked']) connection.on(event, () => events.push(event));
    const late = await place.channel(connection);
    await late.assertQueue('late');
    assert.equal(events, []);
    late.sendToQueue('late', Buffer.from('x'));
    await until('connection.blocked', () => events.includes('blocked'));
    const other = await place.channel();
    assert.is((await other.checkQueue('late')).messageCount, 0);
    await other.consume('full', () => undefined, { noAck: true });
    await late.waitForConfirms();
    assert.is((await other.checkQueue('late')).messageCount, 1);
    await until('connection.unblocked', () => events.includes('unblocked'));
  }));

test('a consumer that does not read gets a bounded number of deliveries', () =>
  Place.with({}, async (place) => {
    const slow = await place.connection();
    const { stream } = slow.connection as unknown as { stream: import('node:net').Socket };
    const consumer = await place.channel(slow);
    await consumer.assertQueue('q');
    let got = 0;
    await consumer.consume('q', () => got++, { noAck: true });
    stream.pause();
    const publisher = await place.channel();
    for (let index = 0; index < 500; index++) publisher.sendToQueue('q', Buffer.alloc(100_000));
    await publisher.waitForConfirms();
    const { messageCount } = await publisher.checkQueue('q');
    assert.ok(messageCount > 100, `${messageCount} messages are ready`);
    stream.resume();
    await until('all messages', () => got === 500);
  }));

test.run();
