// Tests the order in which messages reach the handler, and which of them are suspected of crashing a worker.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DeliveryQueue, type PendingDelivery } from '../../../../src/roles/consuming/delivery-queue.ts';
import { delivered, type Sent } from '../../../support/delivery.ts';

function add(waiting: DeliveryQueue, sent: Sent): void {
  const { delivery, message } = delivered({ body: sent.id ?? '', ...sent });
  waiting.add(waiting.classify(delivery, message));
}

/** Delivers all messages, and returns the order in which they are handled one at a time. */
async function order(sent: readonly Sent[]): Promise<string[]> {
  const waiting = new DeliveryQueue({
    counts: true,
    isNearlyDropped: () => false,
    prefetch: sent.length,
    onReady: () => undefined,
  });
  for (const one of sent) add(waiting, one);
  const handled: string[] = [];
  for (let pending = waiting.next(0); pending; pending = waiting.next(0)) {
    handled.push(`${pending.message.body}`);
    waiting.end(pending, true);
  }
  return handled;
}

/**
 * Crashes workers with the message `poison` until its attempts are used. Returns the messages that are not handled by
 * then.
 */
async function unhandledAfterCrashes(ids: readonly string[], poison: string, attempts: number): Promise<string[]> {
  let left = ids.map((id) => ({ id, count: 1 })); // all were in handlers when the first worker crashed
  for (;;) {
    const handled = await order(
      left.map(({ id, count }) => ({
        id,
        redelivered: true,
        headers: { 'x-acquired-count': count, 'x-delivery-count': count },
      })),
    );
    const before = handled.slice(0, handled.indexOf(poison));
    if (left.every(({ count }) => count >= attempts)) return left.map(({ id }) => id);
    // The broker redelivers them in any order.
    left = left
      .toReversed()
      .filter(({ id }) => !before.includes(id))
      .map(({ id, count }) => ({ id, count: count + 1 }));
  }
}

test('first deliveries are handled in order and concurrently', () => {
  const waiting = new DeliveryQueue({
    counts: true,
    isNearlyDropped: () => false,
    prefetch: 0,
    onReady: () => undefined,
  });
  for (const id of ['a', 'b']) add(waiting, { id });
  assert.is(waiting.size, 2);
  assert.equal(
    [waiting.next(0), waiting.next(1), waiting.next(2)].map((one) => one && `${one.message.body}`),
    ['a', 'b', undefined],
  );
});

test('a suspect is handled alone, and first deliveries wait', async () => {
  const ready = Promise.withResolvers<void>();
  const waiting = new DeliveryQueue({
    counts: true,
    isNearlyDropped: () => false,
    prefetch: 0,
    onReady: ready.resolve,
  });
  add(waiting, { id: 'fresh' });
  add(waiting, { id: 'suspect', redelivered: true, headers: { 'x-delivery-count': 1 } });
  assert.is(waiting.next(0), undefined, 'more suspects may still arrive');
  await ready.promise;
  assert.is(waiting.next(1), undefined, 'another message is being handled');
  const suspect = waiting.next(0) as PendingDelivery;
  assert.is(`${suspect.message.body}`, 'suspect');
  assert.is(waiting.next(0), undefined);
  waiting.end(suspect, true);
  assert.is(`${waiting.next(0)?.message.body}`, 'fresh');
});

test('finds which of ten messages crashes its worker after two more crashes', async () => {
  const ids = 'abcdefghij'.split('');
  for (const poison of ids) assert.equal(await unhandledAfterCrashes(ids, poison, 4), [poison], poison);
});

/** More messages than a call can have arguments. */
const many = 150_000;

test('handles 150,000 suspects in order', () => {
  const waiting = new DeliveryQueue({
    counts: true,
    isNearlyDropped: () => false,
    prefetch: many,
    onReady: () => undefined,
  });
  const { delivery, message } = delivered({ redelivered: true });
  for (let id = many; id < 2 * many; id += 1)
    waiting.add(waiting.classify(delivery, { ...message, properties: { messageId: `${id}` } }));
  for (let id = many; id < 2 * many; id += 1) {
    const pending = waiting.next(0) as PendingDelivery;
    if (pending.message.properties.messageId !== `${id}`) assert.unreachable(`${id}`);
    waiting.end(pending, true);
  }
  assert.is(waiting.size, 0);
});

test('keeps 150,000 messages that the broker does not deliver again', () => {
  const waiting = new DeliveryQueue({
    counts: false,
    isNearlyDropped: () => false,
    prefetch: 0,
    onReady: () => undefined,
  });
  const { delivery, message } = delivered();
  for (let count = 0; count < many; count += 1) waiting.add(waiting.classify(delivery, message));
  waiting.dropRequeued([]);
  assert.is(waiting.size, many);
});

test('suspects without an id are handled in their order, or in reverse', async () => {
  const sent = (bodies: string, returns: number) =>
    bodies.split('').map((body) => ({ body, redelivered: true, headers: { 'x-delivery-count': returns } }));
  assert.equal((await order([...sent('abc', 2), ...sent('def', 1)])).join(''), 'fedabc');
});

test('counts crashes that the broker does not, but no returns of this process', () => {
  const waiting = new DeliveryQueue({
    counts: true,
    isNearlyDropped: () => false,
    prefetch: 1,
    onReady: () => undefined,
  });
  const judged = (sent: Sent, isDone = false) => {
    add(waiting, sent);
    const pending = waiting.next(0) as PendingDelivery;
    waiting.end(pending, isDone);
    return [pending.isSuspect, pending.isUncounted, pending.message.attempt];
  };
  const classic = { redelivered: true };
  assert.equal(judged({ id: 'a', ...classic }), [true, true, 1]);
  assert.equal(judged({ id: 'a', ...classic }), [false, false, 1]);
  assert.equal(judged({ id: 'b', redelivered: true, headers: { 'x-acquired-count': 1 } }), [false, false, 1]);
  const own = { 'x-mq-queue': 'q', 'x-mq-attempt': 2 };
  const counted = (count: number) => ({ redelivered: true, headers: { ...own, 'x-delivery-count': count } });
  assert.equal(judged({ id: 'c', ...counted(1) }), [true, false, 3]);
  assert.equal(judged({ id: 'c', ...counted(2) }), [false, false, 3]);
  assert.equal(judged({ id: 'c', ...counted(3) }, true), [false, false, 3]);
  assert.equal(judged({ id: 'c', ...counted(3) }), [true, false, 5]);
  assert.equal(judged({ id: 'd', ...counted(10) }), [true, false, 12]);
  assert.equal(judged({ id: 'e', headers: { ...own, 'x-mq-unfinished': true } }), [true, false, 2]);
  const other = { ...own, 'x-mq-queue': 'another', 'x-mq-unfinished': true };
  assert.equal(judged({ id: 'f', headers: other }), [false, false, 1], 'the attempts of another queue do not count');
});

test('does not count a message again that this process has acknowledged', () => {
  const waiting = new DeliveryQueue({
    counts: true,
    isNearlyDropped: () => false,
    prefetch: 1,
    onReady: () => undefined,
  });
  const isUncounted = (id: string) => {
    const { delivery, message } = delivered({ id, redelivered: true });
    return waiting.classify(delivery, message).isUncounted;
  };
  waiting.acknowledged(delivered({ id: 'a' }).message);
  assert.equal([isUncounted('a'), isUncounted('b')], [false, true]);
  for (let id = 0; id < 5_000; id += 1) waiting.acknowledged(delivered({ id: `${id}` }).message);
  assert.equal([isUncounted('a'), isUncounted('4999')], [false, false]);
  for (let id = 5_000; id < 10_000; id += 1) waiting.acknowledged(delivered({ id: `${id}` }).message);
  assert.is(isUncounted('0'), true, 'the memory is bounded');
});

test('a message that was delivered again before is a suspect', () => {
  const waiting = new DeliveryQueue({
    counts: true,
    isNearlyDropped: () => false,
    prefetch: 1,
    onReady: () => undefined,
  });
  const judged = (headers: Record<string, string>) => {
    const { delivery, message } = delivered({ headers });
    const { isSuspect, isUncounted, isMarked } = waiting.classify(delivery, message);
    return [isSuspect, isUncounted, isMarked];
  };
  assert.equal(judged({ 'x-mq-queue': 'q', 'x-mq-redelivered': 'q' }), [true, false, true]);
  assert.equal(judged({ 'x-mq-queue': 'q', 'x-mq-redelivered': 'another' }), [false, false, false]);
});

for (const id of ['a', undefined]) {
  test(`copies of a running message do not count as crashes, message-id ${id}`, () => {
    const waiting = new DeliveryQueue({
      counts: true,
      isNearlyDropped: () => false,
      prefetch: 1,
      onReady: () => undefined,
    });
    const copy = (count: number) => delivered({ id, redelivered: true, headers: { 'x-delivery-count': count } });
    const first = delivered({ id });
    const running = waiting.classify(first.delivery, first.message);
    for (const count of [1, 2]) {
      waiting.dropRequeued([running]);
      waiting.count(copy(count).message);
    }
    waiting.dropRequeued([running]);
    const { delivery, message } = copy(3);
    const { isSuspect, unfinishedAttempts, message: judged } = waiting.classify(delivery, message);
    assert.equal([isSuspect, unfinishedAttempts, judged.attempt], [false, 0, 1]);
  });
}

test('no message is a suspect if attempts are not counted', () => {
  const waiting = new DeliveryQueue({
    counts: false,
    isNearlyDropped: () => false,
    prefetch: 0,
    onReady: () => undefined,
  });
  add(waiting, { id: 'a', redelivered: true });
  assert.equal(waiting.next(5)?.isUncounted, false);
});

test.run();
