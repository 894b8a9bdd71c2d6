// Tests the output of a connection without a socket.

import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FrameParser } from '../../../../../src/broker/codec/frames.ts';
import { Output } from '../../../../../src/broker/connection/socket/output.ts';
import { Message } from '../../../../../src/broker/queue/message.ts';
import { frame, method } from '../../../../robustness/frames.ts';

test('holds back answers, but neither heartbeats nor earlier frames', () => {
  const socket = new PassThrough();
  const output = new Output(socket as unknown as Socket, { frameMax: 8192, onFirst: () => {}, onRoom: () => {} });
  output.ack(1, 7, false);
  output.hold();
  output.method(1, 'queue.declare-ok', { queue: 'q', messageCount: 0, consumerCount: 0 });
  output.flush();
  assert.equal(socket.read(), method(1, 'basic.ack', { deliveryTag: 7 }));
  output.heartbeat();
  assert.equal(socket.read(), frame(8, 0, Buffer.alloc(0)));
  output.release();
  assert.equal(socket.read(), method(1, 'queue.declare-ok', { queue: 'q' }));
  output.heartbeat();
  output.flush();
  assert.equal(socket.read(), frame(8, 0, Buffer.alloc(0)));
});

test('writes complete frames for any free space in the slab', () => {
  const slabSize = 64 * 1024;
  // Leaves room for a basic.deliver of 1024 bytes and no more, so that the header frame fills the rest of the slab.
  const acks = Math.floor((slabSize - 1024) / 21);
  for (let propertiesLength = 900; propertiesLength < 1000; propertiesLength++) {
    const socket = new PassThrough({ highWaterMark: 2 * slabSize });
    const output = new Output(socket as unknown as Socket, { frameMax: 131_072, onFirst: () => {}, onRoom: () => {} });
    for (let tag = 1; tag <= acks; tag++) output.ack(1, tag, false);
    output.deliver(1, 'c', 1, false, largeMessage(propertiesLength));
    output.flush();
    const types: number[] = [];
    new FrameParser(131_072, (type) => types.push(type)).push(socket.read());
    assert.equal(types.slice(acks), [1, 2, 3], `${propertiesLength} bytes of properties`);
  }
});

test('writes a body in slices as frames of at most frame-max', () => {
  const slices = [0, 1, 70_000, 8192, 131_064, 5, 300_000].map((length, at) => Buffer.alloc(length, at));
  const { content, propertiesLength, ...parts } = largeMessage(3);
  for (const frameMax of [8192, 131_072]) {
    const socket = new PassThrough({ highWaterMark: 1024 * 1024 });
    const output = new Output(socket as unknown as Socket, { frameMax, onFirst: () => {}, onRoom: () => {} });
    const message = new Message({ ...parts, content: content.subarray(0, 3), propertiesLength, more: slices });
    output.deliver(1, 'c', 1, false, message);
    output.ack(1, 1, false);
    output.flush();
    const bodies: Buffer[] = [];
    const types = new Set<number>();
    const parser = new FrameParser(frameMax, (type, _channel, buffer, start, end) => {
      types.add(type);
      if (type === 3) bodies.push(buffer.subarray(start, end));
    });
    parser.push(socket.read());
    assert.ok(Buffer.concat(bodies).equals(Buffer.concat(slices)));
    assert.is(bodies.length, Math.ceil(message.bodyLength / (frameMax - 8)));
    assert.equal([...types], [1, 2, 3]);
  }
});

function largeMessage(propertiesLength: number): Message {
  const content = Buffer.alloc(propertiesLength + 5000);
  return new Message({
    exchange: '',
    routingKey: 'q',
    content,
    propertiesLength,
    persistent: false,
    priority: undefined,
    expirationMs: undefined,
  });
}

test.run();
