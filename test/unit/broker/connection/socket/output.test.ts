// What the broker writes to one client, without a socket.

import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Output } from '../../../../../src/broker/connection/socket/output.ts';
import { frame, method } from '../../../../robustness/frames.ts';

test('answers wait for the disk, and neither heartbeats nor what was written before wait with them', () => {
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

test.run();
