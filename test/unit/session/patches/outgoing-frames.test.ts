import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Connection } from '../../../../node_modules/amqplib/lib/connection.js';
import type { OutgoingMessage } from '../../../../src/session/outgoing-message.ts';
import '../../../../src/session/patches/outgoing-frames.ts';

/** Ids of channel.close-ok (1.5.2.6), basic.publish and a content header. */
const method = { close: 0x0014_0029, publish: 0x003c_0028 };

interface FakeConnection {
  readonly send: (channel: number, body: string | Buffer, properties?: object) => boolean;
  readonly close: (channel: number) => void;
  readonly channels: (object | null)[];
  /** The frames of each write: channel, type, and the payload of a body. */
  readonly writes: string[][];
}

function fakeConnection(): FakeConnection {
  const writes: string[][] = [];
  const record = () => ({
    buffer: { write: (bytes: Buffer) => writes.push(framesIn(bytes)) > 0, writableNeedDrain: false },
  });
  const channels = [null, record(), record()];
  const connection: Connection = Object.assign(Object.create(Connection.prototype), { channels, frameMax: 8192 });
  return {
    send: (channel, text, properties = {}) => {
      const body = Buffer.from(text);
      const message: OutgoingMessage = {
        ...{ exchange: '', routingKey: 'q', mandatory: true, body },
        properties: { messageId: '1', ...properties },
      };
      return connection.sendMessage(channel, method.publish, message, 60, message, body);
    },
    close: (channel) => void connection.sendMethod(channel, method.close, {}),
    channels,
    writes,
  };
}

function framesIn(bytes: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at + 3);
    const payload = bytes.subarray(at + 7, at + 7 + size).toString();
    const type = ['', 'method', 'header', size > 20 ? `body of ${size}` : payload][bytes.readUInt8(at)];
    frames.push(`${bytes.readUInt16BE(at + 1)} ${type}`);
    at += size + 8;
    assert.is(bytes[at - 1], 0xce);
  }
  return frames;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('writes the messages of one turn together', async () => {
  const { send, writes } = fakeConnection();
  for (const body of ['a', '', 'b']) assert.ok(send(1, body));
  assert.equal(writes, []);
  await turn();
  assert.equal(writes, [['1 method', '1 header', '1 a', '1 method', '1 header', '1 method', '1 header', '1 b']]);
  send(1, 'c');
  await turn();
  assert.equal(writes[1], ['1 method', '1 header', '1 c']);
});

test('writes messages before a method, a large body and another channel', async () => {
  const { send, close, writes } = fakeConnection();
  send(1, 'a');
  close(1);
  send(1, 'b');
  send(2, 'c');
  send(2, Buffer.alloc(10_000, 'x'));
  send(2, 'd');
  send(1, 'e');
  await turn();
  assert.equal(writes, [
    ['1 method', '1 header', '1 a'],
    ['1 method'],
    ['1 method', '1 header', '1 b'],
    ['2 method', '2 header', '2 c', '2 method', '2 header'],
    ['2 body of 8184'],
    ['2 body of 1816'],
    ['2 method', '2 header', '2 d'],
    ['1 method', '1 header', '1 e'],
  ]);
});

test('writes before the end of the turn when much is gathered', () => {
  const { send, writes } = fakeConnection();
  for (let number = 0; number < 100; number += 1) send(1, Buffer.alloc(1000, 'x'));
  assert.is(writes.length, 1);
  assert.ok(writes[0]!.length >= 3 * 60);
});

test('does not write to a channel that has closed', async () => {
  const { send, channels, writes } = fakeConnection();
  send(1, 'a');
  channels[1] = null;
  await turn();
  assert.equal(writes, []);
});

test('writes nothing of a message that AMQP cannot represent', async () => {
  const { send, writes } = fakeConnection();
  send(1, 'a');
  assert.throws(() => send(1, 'b', { headers: { a: 'x'.repeat(10_000) } }), /frame_max allows 8184/);
  assert.throws(() => send(1, 'c', { expiration: 'x'.repeat(256) }), /AMQP allows 255/);
  send(1, 'd');
  await turn();
  assert.equal(writes, [['1 method', '1 header', '1 a', '1 method', '1 header', '1 d']]);
});

test.run();
