// Tests that hostile clients do not affect other clients or a restart, if their requests are valid or almost valid.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeMethod } from '../../src/broker/codec/methods.ts';
import { decodeProperties } from '../../src/broker/codec/properties.ts';
import { MessageQueue } from '../../src/broker/queue/message-queue.ts';
import type { Store } from '../../src/broker/store/contract.ts';
import { openStore } from '../../src/broker/store.ts';
import { closeOf, content, frame, method, nameOf, publish } from './frames.ts';
import { Peer } from './peer.ts';
import { withBroker } from './running.ts';

async function withFolder(run: (open: () => Promise<Store>) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-hostile-'));
  try {
    await run(() => openStore(folder, { pid: 4_000_000, isAlive: () => false }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let lastChannel = 1000;

/** Sends frames. Returns the broker's close method and text, or `nothing` if the broker accepts the frames. */
async function refusal(peer: Peer, ...frames: Buffer[]): Promise<string> {
  peer.send(...frames, method(++lastChannel, 'channel.open'));
  for (let found = await peer.next(); found !== undefined; found = await peer.next()) {
    const name = nameOf(found);
    if (name === 'channel.close' || name === 'connection.close') return `${name} ${closeOf(found).text}`;
    if (name === 'channel.open-ok' && found.channel === lastChannel) break;
  }
  return 'nothing';
}

test('a routing key that is not UTF-8 is refused and reaches no consumer', () =>
  withBroker(async ({ port }) => {
    const consumer = await Peer.open(port);
    consumer.send(
      method(1, 'queue.declare', { queue: 'q', exclusive: true }),
      method(1, 'queue.bind', { queue: 'q', exchange: 'amq.fanout' }),
      method(1, 'basic.consume', { queue: 'q', consumerTag: 't', noAck: true }),
    );
    await consumer.until('basic.consume-ok');
    const peer = await Peer.open(port);
    const payload = Buffer.concat([
      Buffer.from([0, 60, 0, 40, 0, 0, 10]),
      Buffer.from('amq.fanout'),
      Buffer.from([255]),
      Buffer.alloc(255, 0xff),
      Buffer.from([0]),
    ]);
    const text = await refusal(peer, frame(1, 1, payload), ...content(1, Buffer.from('x')));
    assert.match(text, 'connection.close SYNTAX_ERROR');
    const other = await Peer.open(port);
    other.send(...publish(1, { exchange: 'amq.fanout', routingKey: 'é'.repeat(127) }));
    assert.is((await consumer.until('basic.deliver')).routingKey, 'é'.repeat(127));
    await other.close();
    peer.socket.destroy();
  }));

test('a name that is not UTF-8 is a syntax error, not an internal error', () =>
  withBroker(async ({ port }) => {
    const peer = await Peer.open(port);
    const name = Buffer.alloc(200, 0xfe);
    const payload = Buffer.concat([Buffer.from([0, 50, 0, 10, 0, 0, 200]), name, Buffer.from([0, 0, 0, 0, 0])]);
    assert.match(await refusal(peer, frame(1, 1, payload)), 'connection.close SYNTAX_ERROR');
    peer.socket.destroy();
  }));

test('a dead-letter routing key that is too long for a frame is refused', () =>
  withBroker(async ({ port }) => {
    const peer = await Peer.open(port);
    const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'k'.repeat(256) };
    const text = await refusal(peer, method(1, 'queue.declare', { queue: 'q', exclusive: true, arguments: args }));
    assert.match(text, "channel.close PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key'");
    await peer.close();
  }));

test('tables instead of strings or numbers are refused', () =>
  withBroker(async ({ port }) => {
    const peer = await Peer.open(port, { channels: 3 });
    peer.send(method(1, 'queue.declare', { queue: 'q', exclusive: true, arguments: { 'x-max-length': 5 } }));
    await peer.until('queue.declare-ok');
    const table = { a: { b: [1, {}] } };
    const again = method(1, 'queue.declare', { queue: 'q', exclusive: true, arguments: { 'x-max-length': table } });
    assert.match(await refusal(peer, again), /channel.close PRECONDITION_FAILED - inequivalent arg 'x-max-length'/);
    const bound = { queue: 'q', exchange: 'amq.headers', arguments: { 'x-match': table } };
    assert.match(
      await refusal(peer, method(2, 'queue.bind', bound)),
      /channel.close PRECONDITION_FAILED - Invalid x-match/,
    );
    const exchange = { exchange: 'e', type: 'direct', arguments: { 'alternate-exchange': [table] } };
    assert.match(await refusal(peer, method(3, 'exchange.declare', exchange)), /channel.close PRECONDITION_FAILED/);
    await peer.close();
  }));

test('tables nested as deep as a frame allows do not overflow the stack', () =>
  withBroker(async ({ port }) => {
    const levels = 15_000;
    const deep = Buffer.alloc(levels * 7 + 4);
    for (let level = 0; level < levels; level++) {
      deep.writeUInt32BE(deep.length - level * 7 - 4, level * 7);
      deep.write('\u0001aF', level * 7 + 4, 'latin1');
    }
    const declare = Buffer.concat([Buffer.from([0, 50, 0, 10, 0, 0, 1, 113, 0]), deep]);
    const properties = Buffer.concat([Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0]), deep]);
    for (const frames of [
      [frame(1, 1, declare)],
      [method(1, 'basic.publish', { routingKey: 'q' }), frame(2, 1, properties)],
    ]) {
      const peer = await Peer.open(port, { frameMax: 131_072 });
      assert.match(await refusal(peer, ...frames), 'connection.close SYNTAX_ERROR');
      peer.socket.destroy();
    }
  }));

test('headers named like members of JavaScript objects are normal headers', () =>
  withBroker(async ({ port }) => {
    const peer = await Peer.open(port);
    const dead = { 'x-dead-letter-exchange': 'amq.fanout', 'x-max-length': 0 };
    peer.send(
      method(1, 'queue.declare', { queue: 'dead', exclusive: true }),
      method(1, 'queue.bind', { queue: 'dead', exchange: 'amq.fanout' }),
      method(1, 'queue.declare', { queue: 'matched', exclusive: true }),
      method(1, 'queue.bind', { queue: 'matched', exchange: 'amq.headers', arguments: { toString: null } }),
      method(1, 'queue.declare', { queue: 'q', exclusive: true, arguments: dead }),
      ...publish(1, { exchange: 'amq.headers' }, 'without'),
      ...publish(1, { routingKey: 'q' }, 'x', { headers: { constructor: 'c', toString: 't', a: 1 } }),
      method(1, 'queue.declare', { queue: 'matched', passive: true }),
      method(1, 'basic.get', { queue: 'dead', noAck: true }),
    );
    for (let count = 0; count < 3; count++) await peer.until('queue.declare-ok');
    assert.is((await peer.until('queue.declare-ok')).messageCount, 0);
    await peer.until('basic.get-ok');
    const found = await peer.next();
    const { headers } = decodeProperties(found?.payload ?? Buffer.alloc(0), 12);
    assert.is(headers?.['constructor'], 'c');
    assert.is(headers?.['toString'], 't');
    await peer.close();
  }));

test('a lost connection with many consumers counts one failure per message', () =>
  withBroker(async ({ port, vhosts }) => {
    const peer = await Peer.open(port, { channels: 30 });
    peer.send(method(1, 'queue.declare', { queue: 'q', durable: true, arguments: { 'x-queue-type': 'quorum' } }));
    await peer.until('queue.declare-ok');
    for (let channel = 1; channel <= 30; channel++) {
      peer.send(method(channel, 'basic.consume', { queue: 'q', consumerTag: `c${channel}` }));
      await peer.until('basic.consume-ok');
    }
    peer.send(...publish(1, { routingKey: 'q' }));
    await peer.until('basic.deliver');
    peer.socket.destroy();
    const next = await Peer.open(port);
    const queue = vhosts.get('/')?.queues.get('q');
    while ((queue?.unackedCount ?? 0) > 0) await new Promise((turned) => setImmediate(turned));
    assert.is(queue?.readyCount, 1);
    assert.equal(
      [...(queue instanceof MessageQueue ? queue.ready : [])].map(({ deliveryCount }) => deliveryCount),
      [1],
    );
    await next.close();
  }));

test('acknowledgements of an uncommitted transaction are undone', () =>
  withBroker(async ({ port }) => {
    const peer = await Peer.open(port, { channels: 2 });
    peer.send(
      method(1, 'queue.declare', { queue: 'q', exclusive: true }),
      ...publish(1, { routingKey: 'q' }),
      method(1, 'tx.select'),
      method(1, 'basic.get', { queue: 'q' }),
    );
    const { deliveryTag } = await peer.until('basic.get-ok');
    peer.send(method(1, 'basic.ack', { deliveryTag }), method(1, 'channel.close'));
    await peer.until('channel.close-ok');
    peer.send(method(2, 'queue.declare', { queue: 'q', passive: true }));
    assert.is((await peer.until('queue.declare-ok')).messageCount, 1);
    await peer.close();
  }));

test('publishes of a transaction count as memory until it ends', () =>
  withBroker(async ({ port, memory }) => {
    const peer = await Peer.open(port, { channels: 2 });
    peer.send(method(1, 'queue.declare', { queue: 'q', exclusive: true }), method(1, 'tx.select'));
    peer.send(method(2, 'tx.select'));
    await peer.until('tx.select-ok');
    await peer.until('tx.select-ok');
    const body = Buffer.alloc(1000);
    const sync = async () => {
      peer.send(method(2, 'queue.declare', { queue: 'q', passive: true }));
      return (await peer.until('queue.declare-ok')).messageCount;
    };
    peer.send(...publish(1, { routingKey: 'q' }, body));
    await sync();
    const one = memory.usedBytes;
    assert.ok(one > 1000);
    peer.send(method(1, 'tx.commit'));
    assert.is(await sync(), 1);
    assert.is(memory.usedBytes, one);
    peer.send(...publish(1, { routingKey: 'q' }, body), method(1, 'tx.rollback'));
    peer.send(...publish(1, { routingKey: 'q' }, body), method(1, 'channel.close'));
    assert.is(await sync(), 1);
    assert.is(memory.usedBytes, one);
    await peer.close();
    assert.is(memory.usedBytes, 0);
  }));

test('a forged x-death does not prevent a restart of the broker', () =>
  withFolder(async (open) => {
    const forged = [
      [{ queue: {}, reason: [{}] }],
      [{ queue: 'q', reason: 'rejected', count: {}, 'routing-keys': [{}, [{}]], 'original-expiration': {} }],
      [{ queue: 'q', reason: 'rejected', count: 'many', time: 'now', exchange: { a: {} } }, 5, null, []],
    ];
    await withBroker(
      async ({ port }) => {
        const peer = await Peer.open(port);
        peer.send(method(1, 'queue.declare', { queue: 'q', durable: true }), method(1, 'confirm.select'));
        await peer.until('confirm.select-ok');
        for (const death of forged) {
          peer.send(...publish(1, { routingKey: 'q' }, 'x', { deliveryMode: 2, headers: { 'x-death': death } }));
          await peer.until('basic.ack');
        }
        await peer.close();
      },
      { store: await open() },
    );
    await withBroker(async ({ vhosts }) => assert.is(vhosts.get('/')?.queues.get('q')?.readyCount, forged.length), {
      store: await open(),
    });
  }));

test('properties that are not UTF-8 are relayed and survive a restart', () =>
  withFolder(async (open) => {
    const properties = {
      deliveryMode: 2,
      correlationId: 'XX',
      messageId: 'XX',
      expiration: '60000',
      headers: { a: 1 },
    };
    const poisoned = (address: object) =>
      publish(1, address, 'x', properties).map((bytes) =>
        Buffer.from(bytes.toString('latin1').replaceAll('XX', '\xff\xfe'), 'latin1'),
      );
    await withBroker(
      async ({ port }) => {
        const peer = await Peer.open(port);
        peer.send(
          method(1, 'queue.declare', { queue: 'q', durable: true }),
          method(1, 'queue.bind', { queue: 'q', exchange: 'amq.headers', arguments: { a: 1 } }),
          method(1, 'queue.declare', {
            queue: 'short',
            durable: true,
            arguments: { 'x-message-ttl': 1, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q' },
          }),
          method(1, 'confirm.select'),
          ...poisoned({ exchange: 'amq.headers' }),
          ...poisoned({ routingKey: 'short' }),
        );
        await peer.until('confirm.select-ok');
        for (let tag = 0; tag < 2; ) tag = (await peer.until('basic.ack')).deliveryTag;
        for (let count = 0; count < 2; ) {
          peer.send(method(1, 'queue.declare', { queue: 'q', passive: true }));
          count = (await peer.until('queue.declare-ok')).messageCount;
        }
        peer.send(method(1, 'basic.get', { queue: 'q' }));
        await peer.until('basic.get-ok');
        assert.ok((await peer.next())?.payload.includes(Buffer.from([2, 0xff, 0xfe])));
        await peer.close();
      },
      { store: await open() },
    );
    await withBroker(async ({ vhosts }) => assert.is(vhosts.get('/')?.queues.get('q')?.readyCount, 2), {
      store: await open(),
    });
  }));

test('opens a store with bindings and messages of a deleted queue', () =>
  withFolder(async (open) => {
    let store = await open();
    await withBroker(
      async ({ port }) => {
        const peer = await Peer.open(port);
        peer.send(
          method(1, 'exchange.declare', { exchange: 'e', type: 'direct', durable: true }),
          method(1, 'queue.declare', { queue: 'q', durable: true }),
          method(1, 'queue.bind', { queue: 'q', exchange: 'e', routingKey: 'k' }),
          method(1, 'confirm.select'),
          ...publish(1, { routingKey: 'q' }, 'x', { deliveryMode: 2 }),
        );
        await peer.until('basic.ack');
        await peer.close();
      },
      { store },
    );
    store = await open();
    store.undefine('queue', '/\0q');
    await store.close();
    store = await open();
    await withBroker(async ({ vhosts }) => assert.is(vhosts.get('/')?.queues.size, 0), { store });
    store = await open();
    assert.equal(store.recovered.entries, []);
    assert.equal(
      store.recovered.definitions.filter(({ kind }) => kind === 'binding'),
      [],
    );
    await store.close();
  }));

test('a name with control characters cannot add lines to the log', async () => {
  const lines: string[] = [];
  await withBroker(
    async ({ port }) => {
      const peer = await Peer.open(port);
      const name = 'a\nmq broker: all is well\u001b[2J';
      assert.match(await refusal(peer, method(1, 'queue.purge', { queue: name })), 'NOT_FOUND');
      await peer.close();
    },
    { log: (line) => lines.push(line) },
  );
  assert.is(lines.length, 1);
  assert.not.match(lines[0] ?? '', /\p{Cc}/u);
});

test('methods that only a server sends are refused', () =>
  withBroker(async ({ port }) => {
    for (const name of ['basic.deliver', 'queue.declare-ok', 'connection.start', 'connection.tune'] as const) {
      const peer = await Peer.open(port);
      const text = await refusal(peer, method(name.startsWith('connection') ? 0 : 1, name));
      assert.match(text, /connection.close (COMMAND_INVALID|CHANNEL_ERROR)/);
      peer.socket.destroy();
    }
    assert.is(decodeMethod(Buffer.from([0, 90, 0, 10]), 0, 4).name, 'tx.select');
  }));

test.run();
