// Tests peers that send wrong data, or are slow or silent. The broker answers or disconnects them, and serves the others.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HandClock } from '../support/broker-clock.ts';
import { type Close, closeOf, type Frame, frame, greeting, header, method, nameOf, publish } from './frames.ts';
import { Peer } from './peer.ts';
import { turns, withBroker } from './running.ts';

/** Reads until the end of the connection. Returns the connection.close, which must be the only one and the last method. */
async function onlyClose(peer: Peer): Promise<Close> {
  let close: Close | undefined;
  for (let found = await peer.next(); found !== undefined; found = await peer.next()) {
    assert.is(close, undefined, `${nameOf(found)} after connection.close`);
    if (nameOf(found) !== 'connection.close') continue;
    close = closeOf(found);
    peer.send(method(0, 'connection.close-ok'));
    peer.socket.end();
  }
  assert.ok(close, 'the connection ended without connection.close');
  return close as Close;
}

for (const [title, bytes] of [
  ['of HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ['of AMQP 1.0', Buffer.from('AMQP\0\x01\0\0', 'latin1')],
  ['of AMQP 0-8', Buffer.from('AMQP\x01\x01\x08\0', 'latin1')],
  ['of TLS', Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252])],
] as const) {
  test(`answers a protocol header ${title} with the correct one, then closes`, () =>
    withBroker(async ({ port }) => {
      const peer = await Peer.connect(port);
      const chunks: Buffer[] = [];
      peer.socket.on('data', (chunk) => chunks.push(chunk));
      peer.send(bytes);
      await peer.closed;
      assert.ok(Buffer.concat(chunks).equals(header));
    }));
}

const opened = [header, ...greeting(), method(1, 'channel.open')];

for (const [title, bytes, code] of [
  ['a frame without the frame-end octet', poked(method(1, 'basic.qos'), -1, 0), 501],
  ['a frame of an unknown type', poked(method(1, 'basic.qos'), 0, 7), 501],
  ['a frame of 4 GiB', Buffer.from([1, 0, 1, 0xff, 0xff, 0xff, 0xff]), 501],
  ['a frame one byte longer than negotiated', Buffer.from([1, 0, 1, 0, 0, 0x1f, 0xf9]), 501],
  ['a body without a publish', frame(3, 1, Buffer.from('x')), 505],
  ['a content header on channel 0', frame(2, 0, Buffer.alloc(14)), 505],
  ['a heartbeat on a channel', frame(8, 1, Buffer.alloc(0)), 505],
  ['a method on a channel that is not open', method(9, 'basic.qos'), 504],
  ['a channel that is opened twice', method(1, 'channel.open'), 504],
  ['one channel more than negotiated', Buffer.concat(range(2, 2048, (each) => method(each, 'channel.open'))), 530],
  ['a second connection.start-ok', greeting()[0] as Buffer, 504],
  ['an unknown method', frame(1, 1, Buffer.from([0, 99, 0, 99])), 503],
  ['a method without its fields', frame(1, 1, Buffer.from([0, 50, 0, 10])), 501],
  ['a method of two bytes', frame(1, 1, Buffer.from([0, 50])), 501],
  ['a method instead of a content header', Buffer.concat([method(1, 'basic.publish'), method(1, 'basic.qos')]), 505],
] as const) {
  test(`${title} closes only this connection, once, with ${code}`, () =>
    withBroker(async ({ port, connections }) => {
      const other = await Peer.open(port);
      const peer = await Peer.connect(port);
      peer.send(...opened, bytes);
      assert.is((await onlyClose(peer)).code, code);
      await turns('the connection is removed', () => connections.size === 1);
      await other.close();
    }));
}

test('frames split at any byte are parsed to the same frames', () =>
  withBroker(async ({ port }) => {
    const sent = Buffer.concat([
      ...opened,
      method(1, 'queue.declare', { queue: 'q', exclusive: true }),
      method(1, 'confirm.select'),
      ...publish(1, { routingKey: 'q' }, 'body', { headers: { a: [1, { b: 'c' }] } }),
      method(1, 'basic.get', { queue: 'q', noAck: true }),
      method(0, 'connection.close'),
    ]);
    const expected = await answers(port, [sent]);
    assert.equal(expected.slice(0, 3), ['connection.start', 'connection.tune', 'connection.open-ok']);
    assert.equal(expected.slice(-2), ['connection.close-ok', 'basic.ack']);
    assert.equal(
      await answers(
        port,
        [...sent].map((byte) => Buffer.from([byte])),
      ),
      expected,
    );
    for (let cut = 1; cut < sent.length; cut++) {
      assert.equal(await answers(port, [sent.subarray(0, cut), sent.subarray(cut)]), expected, `cut at ${cut}`);
    }
  }));

test('a client that is silent at any point of the handshake is disconnected', async () => {
  const clock = new HandClock();
  await withBroker(
    async ({ port, connections }) => {
      const [silent, half, late] = [await Peer.connect(port), await Peer.connect(port), await Peer.connect(port)];
      half.send(header);
      await half.until('connection.start');
      late.send(header, greeting()[0] as Buffer);
      await late.until('connection.tune');
      const good = await Peer.open(port);
      clock.move(9000);
      assert.is(silent.isClosed || half.isClosed || late.isClosed, false);
      clock.move(1001);
      await Promise.all([silent.closed, half.closed, late.closed]);
      assert.is(connections.size, 1);
      await good.close();
    },
    { connectionClock: clock },
  );
});

test('a client that never answers connection.close is disconnected', async () => {
  const clock = new HandClock();
  await withBroker(
    async ({ port }) => {
      const peer = await Peer.open(port);
      peer.send(frame(7, 1, Buffer.alloc(0)));
      for (let found = await peer.next(); nameOf(found as Frame) !== 'connection.close'; found = await peer.next());
      peer.send(...publish(1, { routingKey: 'q' }));
      clock.move(2999);
      assert.not(peer.isClosed);
      clock.move(2);
      await peer.closed;
      peer.assertSilent();
    },
    { connectionClock: clock },
  );
});

test('disconnects only a client that does not send heartbeats', async () => {
  const clock = new HandClock();
  await withBroker(
    async ({ port }) => {
      const [dead, alive] = [await Peer.open(port, { heartbeat: 10 }), await Peer.open(port, { heartbeat: 10 })];
      for (let half = 0; half < 5; half++) {
        alive.send(frame(8, 0, Buffer.alloc(0)), method(1, 'basic.qos'));
        await alive.until('basic.qos-ok');
        clock.move(5000);
        await new Promise((turned) => setImmediate(turned));
      }
      await dead.closed;
      assert.ok(dead.frames.filter(({ type }) => type === 8).length >= 2, 'the broker sent heartbeats');
      assert.not(alive.isClosed);
      await alive.close();
    },
    { connectionClock: clock },
  );
});

/** Sends the chunks. Returns the method names of all received frames, or the frame types of headers and bodies. */
async function answers(port: number, chunks: readonly Buffer[]): Promise<string[]> {
  const peer = await Peer.connect(port);
  for (const chunk of chunks) {
    await new Promise<void>((done) => peer.socket.write(chunk, () => done()));
  }
  const names: string[] = [];
  for (let found = await peer.next(); found !== undefined; found = await peer.next()) {
    names.push(nameOf(found) ?? `type ${found.type}`);
  }
  // The position of a confirm depends on the chunks, because it is sent at the end of the event loop turn of the publish.
  const isConfirm = (name: string) => name === 'basic.ack';
  return [...names.filter((name) => !isConfirm(name)), ...names.filter(isConfirm)];
}

function range(first: number, last: number, make: (number: number) => Buffer): Buffer[] {
  return Array.from({ length: last - first + 1 }, (_, index) => make(first + index));
}

function poked(bytes: Buffer, place: number, value: number): Buffer {
  bytes[place < 0 ? bytes.length + place : place] = value;
  return bytes;
}

test.run();
