// Tests requests whose work needs many turns of the event loop. Later requests of the client are handled after this work, and
// the loss of the connection does not interrupt it.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Broker } from '../../src/broker/server.ts';
import { type Frame, method, nameOf, publish } from './frames.ts';
import { Peer } from './peer.ts';
import { turns, withBroker } from './running.ts';

/** This number of messages requires several slices of work. */
const many = 50_000;

test('an acknowledgement of many messages is completed after a disconnect', () =>
  withBroker(async (broker) => {
    const peer = await holding(broker);
    peer.socket.end(method(1, 'basic.ack', { deliveryTag: many - 1, multiple: true }));
    const queue = queueOf(broker);
    await turns('the messages are settled', () => queue.unackedCount === 0);
    assert.is(queue.readyCount, 1);
    assert.is(queue.counters.ack, many - 1);
  }));

test('requests after a large acknowledgement are handled', () =>
  withBroker(async (broker) => {
    const peer = await holding(broker);
    const ack = method(1, 'basic.ack', { deliveryTag: 0, multiple: true });
    peer.socket.end(Buffer.concat([ack, ...publish(1, { routingKey: 'q' }, 'the last one')]));
    const queue = queueOf(broker);
    await turns('the last message is ready', () => queue.readyCount === 1);
    assert.is(queue.unackedCount, 0);
  }));

test('requeued messages are in order before the next request', () =>
  withBroker(async (broker) => {
    const peer = await holding(broker);
    for (let index = 0; index < 10; index++) peer.send(...publish(1, { routingKey: 'q' }, `${many + index}`));
    peer.send(
      method(1, 'basic.cancel', { consumerTag: 'c' }),
      method(1, 'basic.nack', { deliveryTag: 0, multiple: true, requeue: true }),
      method(2, 'basic.consume', { queue: 'q', consumerTag: 'next' }),
    );
    await peer.until('basic.consume-ok');
    assert.equal(
      await bodies(peer, many + 10),
      Array.from({ length: many + 10 }, (_, index) => String(index)),
    );
    await peer.close();
  }));

test('requests after a commit of many publishes see all of them', () =>
  withBroker(async (broker) => {
    const peer = await holding(broker);
    peer.send(method(1, 'basic.cancel', { consumerTag: 'c' }), method(1, 'tx.select'));
    for (let count = 0; count < many; count++) peer.socket.write(Buffer.concat(publish(1, { routingKey: 'q' })));
    peer.send(
      method(1, 'basic.ack', { deliveryTag: 0, multiple: true }),
      method(1, 'tx.commit'),
      method(2, 'queue.declare', { queue: 'q', passive: true }),
    );
    assert.is((await peer.until('queue.declare-ok')).messageCount, many);
    assert.is(queueOf(broker).unackedCount, 0);
    await peer.close();
  }));

test('a commit is completed after its client has disconnected', () =>
  withBroker(async (broker) => {
    const peer = await holding(broker);
    peer.send(method(1, 'tx.select'), method(1, 'basic.cancel', { consumerTag: 'c' }));
    for (let count = 0; count < many; count++) peer.socket.write(Buffer.concat(publish(1, { routingKey: 'q' })));
    const ack = method(1, 'basic.ack', { deliveryTag: 0, multiple: true });
    peer.socket.end(Buffer.concat([ack, method(1, 'tx.commit')]));
    const queue = queueOf(broker);
    await turns('the commit has ended', () => queue.unackedCount === 0 && queue.counters.ack === many);
    assert.is(queue.readyCount, many);
  }));

test('a rollback of acknowledgements keeps the order of the messages', () =>
  withBroker(async (broker) => {
    const peer = await holding(broker);
    peer.send(method(1, 'basic.cancel', { consumerTag: 'c' }), method(1, 'tx.select'));
    for (const deliveryTag of [many, 7, many - 3, 2]) peer.send(method(1, 'basic.ack', { deliveryTag }));
    peer.send(
      method(1, 'basic.ack', { deliveryTag: many - 1, multiple: true }),
      method(1, 'tx.rollback'),
      method(1, 'channel.close'),
      method(2, 'basic.consume', { queue: 'q', consumerTag: 'next' }),
    );
    await peer.until('basic.consume-ok');
    assert.equal(
      await bodies(peer, many),
      Array.from({ length: many }, (_, index) => String(index)),
    );
    await peer.close();
  }));

test('the next single active consumer first gets unacknowledged messages', () =>
  withBroker(async (broker) => {
    const [first, second] = [await Peer.open(broker.port), await Peer.open(broker.port)];
    first.send(
      method(1, 'queue.declare', { queue: 'q', arguments: { 'x-single-active-consumer': true } }),
      method(1, 'basic.qos', { prefetchCount: 2 }),
      method(1, 'basic.consume', { queue: 'q' }),
    );
    await first.until('basic.consume-ok');
    for (let index = 0; index < 4; index++) first.send(...publish(1, { routingKey: 'q' }, String(index)));
    await bodies(first, 2);
    second.send(method(1, 'basic.consume', { queue: 'q' }));
    await second.until('basic.consume-ok');
    first.socket.destroy();
    assert.equal(await bodies(second, 4), ['0', '1', '2', '3']);
    await second.close();
  }));

/** Returns a client with `many` unacknowledged messages. */
async function holding(broker: Broker): Promise<Peer> {
  const peer = await Peer.open(broker.port, { channels: 2 });
  peer.send(method(1, 'queue.declare', { queue: 'q' }));
  for (let index = 0; index < many; index++) {
    peer.socket.write(Buffer.concat(publish(1, { routingKey: 'q' }, String(index))));
  }
  peer.send(method(1, 'basic.consume', { queue: 'q', consumerTag: 'c' }));
  await bodies(peer, many);
  return peer;
}

async function bodies(peer: Peer, count: number): Promise<string[]> {
  const all: string[] = [];
  while (all.length < count) {
    const frame = (await peer.next()) as Frame;
    if (frame.type === 3) all.push(frame.payload.toString());
    else assert.is.not(nameOf(frame), 'channel.close');
  }
  return all;
}

function queueOf(broker: Broker) {
  const queue = broker.vhosts.get('/')?.queues.get('q');
  assert.ok(queue);
  return queue;
}

test.run();
