// Tests the reading of a client's frames without a socket.

import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { frameTypes } from '../../../../../src/broker/codec/frames.ts';
import { decodeMethod } from '../../../../../src/broker/codec/methods.ts';
import { Content } from '../../../../../src/broker/connection/content.ts';
import { Intake } from '../../../../../src/broker/connection/socket/intake.ts';
import { Slices } from '../../../../../src/broker/slices.ts';
import type { Store } from '../../../../../src/broker/store/contract.ts';
import { content, frame, method, publish } from '../../../../robustness/frames.ts';

test('acknowledgements overtake parked publishes, but not within a message', async () => {
  const { intake, slices, taken, before } = client();
  intake.block();
  intake.push(Buffer.concat([...publish(1, { routingKey: 'q' }), ...publish(1, { routingKey: 'q' })]));
  // A slow machine may read only one frame in a slice.
  await slices.idle();
  assert.equal(taken, []);
  // Every frame takes longer than a slice, and the acknowledgement arrives before the next slice.
  before('basic.publish', () => setImmediate(() => intake.push(method(1, 'basic.ack', { deliveryTag: 1 }))));
  intake.unblock();
  await slices.idle();
  assert.equal(taken, ['basic.publish', 'header', 'body', 'basic.ack', 'basic.publish', 'header', 'body']);
});

test('parked empty frames also stop the reading', async () => {
  const { intake, socket, slices } = client();
  intake.block();
  const [begun, head] = [method(1, 'basic.publish'), content(1, Buffer.alloc(1))[0] as Buffer];
  intake.push(Buffer.concat([begun, head]));
  const empty = Buffer.concat(Array.from({ length: 1000 }, () => frame(frameTypes.body, 1, Buffer.alloc(0))));
  for (let left = 20; left > 0 && !socket.isPaused(); left--) {
    intake.push(empty);
    await slices.idle();
  }
  assert.ok(socket.isPaused());
});

test('a publish completed later does not unblock another channel', async () => {
  const { intake, slices, taken } = client();
  const [begun, head, body] = publish(1, { routingKey: 'q' }) as [Buffer, Buffer, Buffer];
  intake.block();
  intake.push(Buffer.concat([begun, head]));
  await slices.idle();
  intake.unblock();
  await slices.idle();
  intake.push(body);
  await slices.idle();
  assert.equal(taken.splice(0), ['basic.publish', 'header', 'body']);
  intake.block();
  // The acknowledgement needs longer than a slice, so that another slice follows.
  intake.push(Buffer.concat([...publish(2, { routingKey: 'q' }), method(3, 'basic.ack', { deliveryTag: 1 })]));
  await slices.idle();
  assert.equal(taken, ['basic.ack']);
});

test('parked publishes continue after a wait for the disk', async () => {
  let written: () => void = () => {};
  const store = { pendingBytes: 0, committed: (done: () => void) => (written = done) };
  const { intake, slices, taken } = client(store as unknown as Store);
  intake.block();
  const body = Buffer.alloc(8000);
  const [begun, head] = [method(1, 'basic.publish'), content(1, Buffer.alloc(150 * body.length))[0] as Buffer];
  const bodies = Array.from({ length: 127 }, () => frame(frameTypes.body, 1, body));
  intake.push(Buffer.concat([begun, head, ...bodies]));
  for (let left = 200; left > 0; left--) await new Promise((turned) => setImmediate(turned));
  // The frame that exceeds the limit of parked bytes arrives while the disk is behind.
  store.pendingBytes = 64 * 1024 * 1024;
  intake.push(frame(frameTypes.body, 1, body));
  intake.push(frame(frameTypes.body, 1, body));
  await slices.idle();
  intake.unblock();
  await slices.idle();
  written();
  store.pendingBytes = 0;
  await slices.idle();
  assert.is(taken.length, 131);
});

/** Returns an intake. The processing of each frame takes longer than a slice. */
function client(store?: Store) {
  const socket = new FakeSocket();
  const slices = new Slices();
  const taken: string[] = [];
  const waiting = new Map<string, () => void>();
  const message = new Content();
  const intake = new Intake(socket as unknown as Socket, {
    slices,
    frameMax: 8192,
    store,
    onFrame: (type, _, buffer, start, end) => {
      if (type === frameTypes.method) {
        const { name } = decodeMethod(buffer, start, end);
        message.expectNothing();
        if (name === 'basic.publish') message.begin();
        taken.push(name);
        waiting.get(name)?.();
        waiting.delete(name);
      } else {
        message.receive(type, buffer, start, end);
        taken.push(type === frameTypes.header ? 'header' : 'body');
      }
      for (const until = performance.now() + 10; performance.now() < until; );
    },
    onError: (error) => taken.push(String(error)),
    onParked: () => {},
    maySettle: () => true,
    awaitsContent: () => message.isAwaited,
  });
  return { intake, socket, slices, taken, before: (name: string, run: () => void) => waiting.set(name, run) };
}

class FakeSocket extends EventEmitter {
  readonly writableLength = 0;
  #isPaused = false;

  isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }
}

test.run();
