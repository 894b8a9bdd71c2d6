// Tests the pauses of messages that return to a quorum queue with x-delayed-retry-type. The tests move the clock.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { FieldValue } from '../../../../src/broker/codec/table.ts';
import { queueCounts } from '../../../../src/broker/management/rates.ts';
import { DelayedRetries } from '../../../../src/broker/queue/delayed-retries.ts';
import type { QueueEntry } from '../../../../src/broker/queue/entry.ts';
import { HandClock } from '../../../support/broker-clock.ts';
import { declare, message, place } from '../queue-place.ts';

const quorum = (values: Record<string, FieldValue>) => place({ 'x-queue-type': 'quorum', ...values });
const failed = { 'x-delayed-retry-type': 'failed', 'x-delayed-retry-min': 300, 'x-delayed-retry-max': 700 };

test('the pause grows with each failure up to the maximum', () => {
  const { queue, put, clock } = quorum({ ...failed, 'x-delivery-limit': 3, 'x-dead-letter-exchange': '' });
  put('x');
  for (const pause of [300, 600, 700]) {
    queue.requeue([queue.get(false)?.entry as QueueEntry], true);
    clock.move(pause - 1);
    assert.is(queue.ready.length, 0);
    assert.equal(queueCounts(queue), { messages: 1, messages_ready: 0, messages_unacknowledged: 0 });
    clock.move(1);
    assert.is(queue.ready.length, 1);
  }
  queue.requeue([queue.get(false)?.entry as QueueEntry], true);
  clock.move(10_000);
  assert.is(queueCounts(queue).messages, 0, 'the delivery limit is exceeded');
});

test('only the returns of the type pause', () => {
  for (const [type, afterReject, afterNack] of [
    ['failed', 0, 1],
    ['returned', 1, 0],
    ['all', 0, 0],
    ['disabled', 1, 1],
  ] as const) {
    for (const [isFailure, ready] of [
      [true, afterReject],
      [false, afterNack],
    ] as const) {
      const { queue, put } = quorum({ ...failed, 'x-delayed-retry-type': type });
      put('x');
      queue.requeue([queue.get(false)?.entry as QueueEntry], isFailure);
      assert.is(queue.ready.length, ready, `${type} ${isFailure}`);
    }
  }
});

test('a nack pauses for the minimum, and a consumer gets the message after it', () => {
  const { queue, put, clock, consumer } = quorum({ ...failed, 'x-delayed-retry-type': 'all' });
  put('x', 'y');
  queue.requeue([queue.get(false)?.entry as QueueEntry], false);
  const { got } = consumer();
  queue.dispatch();
  assert.equal(got, ['y']);
  clock.move(300);
  assert.equal(got, ['y', 'x']);
});

test('a queue with very many paused messages continues', () => {
  const clock = new HandClock();
  let ready = 0;
  const held = new DelayedRetries(clock, (entries) => {
    ready += entries.length;
  });
  const retry = { isForFailed: true, isForReturned: false, minMs: 100, maxMs: 100_000 };
  const count = 200_000;
  for (let one = 0; one < count; one += 1) {
    held.hold({ deliveryCount: one < 10 ? 1 : 2 } as QueueEntry, retry, true);
  }
  clock.move(100);
  assert.is(ready, 10);
  clock.move(100);
  assert.equal([ready, held.count], [count, 0]);
});

test('messages with different pauses return in the order in which they are due', () => {
  const clock = new HandClock();
  const ready: number[] = [];
  const entries: QueueEntry[] = [];
  const held = new DelayedRetries(clock, (due) => ready.push(...due.map((entry) => entries.indexOf(entry))));
  const retry = { isForFailed: true, isForReturned: false, minMs: 100, maxMs: 100_000 };
  for (const deliveryCount of [2, 1, 1, 3, 2, 9]) {
    const entry = { deliveryCount } as QueueEntry;
    entries.push(entry);
    held.hold(entry, retry, true);
    clock.move(1);
  }
  clock.move(400);
  assert.equal([ready, held.count], [[1, 2, 0, 4, 3], 1]);
  assert.equal(held.takeAll(), entries.slice(5));
});

test('purge and delete remove messages that pause', () => {
  const { vhost, clock } = quorum({});
  const queue = declare(vhost, 'paused', { 'x-queue-type': 'quorum', ...failed });
  const pause = () => {
    vhost.deliver(message('x'), [queue]);
    queue.requeue([queue.get(false)?.entry as QueueEntry], true);
  };
  pause();
  assert.is(queue.purge(), 1);
  pause();
  vhost.deleteQueue(queue);
  clock.move(10_000);
  assert.is(queue.ready.length, 0);
});

test('any number of messages can pause', () => {
  const clock = new HandClock();
  let count = 0;
  const delayed = new DelayedRetries(clock, (entries) => {
    count += entries.length;
  });
  const retry = { minMs: 10, maxMs: 10, isForFailed: true, isForReturned: true };
  const hold = () => delayed.hold({ deliveryCount: 1 } as QueueEntry, retry, true);
  hold();
  clock.move(1);
  for (let added = 0; added < 300_000; added++) hold();
  clock.move(9);
  assert.is(count, 1);
  clock.move(1);
  assert.is(count, 300_001);
  assert.is(clock.waiting, 0);
});

test.run();
