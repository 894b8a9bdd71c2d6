// Tests queues of a virtual host, without sockets. The tests move the clock.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Table } from '../../../../src/broker/codec/table.ts';
import type { QueueEntry } from '../../../../src/broker/queue/entry.ts';
import { atOnce } from '../../../../src/broker/slices.ts';
import { declare, message, place } from '../queue-place.ts';

test('delivers messages in the order of their arrival', () => {
  const { put, take } = place();
  put('a', 'b', 'c');
  assert.equal(take(), ['a', 'b', 'c']);
});

test('a message returns to its old position in a classic queue', () => {
  const { queue, put, take } = place();
  put('a', 'b', 'c', 'd');
  const [a, b, c] = [queue.get(false), queue.get(false), queue.get(false)].map((got) => got?.entry as QueueEntry);
  for (const entry of [c, a, b]) queue.requeue([entry as QueueEntry], false);
  assert.equal(take(), ['a', 'b', 'c', 'd']);
});

test('returned messages of a quorum queue come first, in the order of return', () => {
  const { queue, put, take } = place({ 'x-queue-type': 'quorum' });
  put('a', 'b', 'c', 'd');
  const [a, , c] = [queue.get(false), queue.get(false), queue.get(false)].map((got) => got?.entry as QueueEntry);
  for (const entry of [c, a]) queue.requeue([entry as QueueEntry], false);
  assert.equal(take(), ['c', 'a', 'd']);
});

test('returned messages count as unacknowledged until all of them are ready', () => {
  const { queue, put, take } = place();
  put('a', 'b', 'c');
  const entries = ['a', 'b'].map(() => queue.get(false)?.entry as QueueEntry);
  const work = queue.returned(entries.toReversed(), false);
  work.next();
  assert.equal([queue.readyCount, queue.unackedCount], [1, 2]);
  queue.putBack(atOnce(work));
  assert.equal([queue.readyCount, queue.unackedCount], [3, 0]);
  assert.equal(take(), ['a', 'b', 'c']);
});

test('a queue deleted while messages return frees all memory', async () => {
  for (const steps of [0, 1, 2, 3]) {
    const { vhost, queue, memory, put } = place();
    put('a', 'b');
    const entries = ['a', 'b'].map(() => queue.get(false)?.entry as QueueEntry);
    const work = queue.returned(entries, false);
    for (let count = 0; count < steps; count++) if (count < 2) work.next();
    if (steps < 3) vhost.removeQueue(queue);
    const returned = atOnce(work);
    if (steps === 3) vhost.removeQueue(queue);
    queue.putBack(returned);
    await vhost.slices.idle();
    assert.is(memory.usedBytes, 0);
  }
});

test('the message TTL of a queue expires messages at its head', () => {
  const { queue, clock, put, take } = place({ 'x-message-ttl': 100 });
  put('a');
  clock.move(60);
  put('b');
  clock.move(39);
  assert.is(queue.readyCount, 2);
  clock.move(1);
  assert.is(queue.readyCount, 1);
  assert.equal(take(), ['b']);
});

test('a message with a shorter TTL expires only at the head of the queue', () => {
  const { queue, clock, put, take } = place();
  put('stays');
  put({ body: 'goes', expirationMs: 10 });
  clock.move(1000);
  assert.is(queue.readyCount, 2);
  assert.equal(take(), ['stays']);
});

test('a returned message keeps its expiry time', () => {
  for (const type of ['classic', 'quorum']) {
    const { queue, clock, put, consumer } = place({ 'x-queue-type': type });
    const one = consumer({ prefetch: 1 });
    put({ body: 'late', expirationMs: 10 }, { body: 'soon', expirationMs: 20 });
    clock.move(15);
    queue.requeue([one.entries[0] as QueueEntry], false);
    assert.is(queue.readyCount, 1, type);
    clock.move(5);
    assert.is(queue.readyCount, 0, type);
  }
});

test('basic.get of a quorum queue counts messages that expire at the head', () => {
  for (const [type, left] of Object.entries({ classic: 0, quorum: 1 })) {
    const { queue, clock, put } = place({ 'x-queue-type': type });
    put('stays');
    put({ body: 'goes', expirationMs: 10 });
    clock.move(1000);
    assert.is(queue.get(false)?.left, left);
    assert.is(queue.readyCount, 0);
  }
});

test('a message that is at the head after basic.get expires there', () => {
  const { queue, clock, put } = place();
  put('stays', { body: 'goes', expirationMs: 10 });
  clock.move(1000);
  assert.is(queue.readyCount, 2);
  queue.get(false);
  assert.is(queue.readyCount, 0);
});

test('with a TTL of 0 only a ready consumer receives messages', () => {
  const { queue, put, consumer } = place({ 'x-message-ttl': 0 });
  put('nobody');
  assert.is(queue.readyCount, 0);
  const one = consumer();
  put('somebody');
  assert.equal(one.got, ['somebody']);
});

test('a deleted queue has no timers', () => {
  const { queue, vhost, clock, put } = place({ 'x-message-ttl': 100, 'x-expires': 1000 });
  put('a');
  assert.is(clock.waiting, 2);
  vhost.removeQueue(queue);
  assert.is(clock.waiting, 0);
});

test('x-expires deletes a queue without consumer, basic.get or declaration', () => {
  const { vhost, clock, queue, consumer } = place({ 'x-expires': 100 });
  clock.move(90);
  queue.get(true);
  clock.move(90);
  queue.touch();
  clock.move(90);
  const one = consumer();
  clock.move(1000);
  queue.removeConsumer(one);
  clock.move(99);
  assert.ok(vhost.queues.has('q'));
  clock.move(1);
  assert.not(vhost.queues.has('q'));
});

test('a queue over its length limit drops its head', () => {
  const { put, take } = place({ 'x-max-length': 2 });
  put('a', 'b', 'c');
  assert.equal(take(), ['b', 'c']);
});

test('a queue over its byte limit drops its head', () => {
  const { put, take } = place({ 'x-max-length-bytes': 10 });
  put('12345', '1234', '1234567');
  assert.equal(take(), ['1234567']);
});

test('reject-publish refuses a message over the limit', () => {
  const { vhost, put, take } = place({ 'x-max-length': 1, 'x-overflow': 'reject-publish' });
  put('a');
  assert.ok(vhost.deliver(message('b'), [...vhost.queues.values()]).isRefused);
  assert.equal(take(), ['a']);
});

test('delivers the highest priority first, and the oldest within a priority', () => {
  const { put, take } = place({ 'x-max-priority': 5 });
  for (const priority of [1, 3, undefined, 9, 5, 3]) put({ body: String(priority), priority });
  assert.equal(take(), ['9', '5', '3', '3', '1', 'undefined']);
});

test('a quorum queue has 32 priorities, and the default is 4', () => {
  const { put, take } = place({ 'x-queue-type': 'quorum' });
  for (const priority of [1, 3, undefined, 9, 40, 5]) put({ body: String(priority), priority });
  assert.equal(take(), ['40', '9', '5', 'undefined', '3', '1']);
});

test('delivers round robin and skips a consumer with a full prefetch', () => {
  const { put, consumer, queue } = place();
  const [one, two] = [consumer(), consumer({ prefetch: 1 })];
  put('1', '2', '3', '4');
  assert.equal([one.got, two.got], [['1', '3', '4'], ['2']]);
  two.unacked--;
  queue.wake(two);
  put('5');
  put('6');
  assert.equal([one.got.length, two.got.length], [4, 2]);
});

test('a consumer never receives more than its prefetch', () => {
  const { put, consumer, queue } = place();
  put(...Array.from({ length: 10 }, (_, index) => String(index)));
  const one = consumer({ prefetch: 3 });
  queue.dispatch();
  assert.equal(one.got, ['0', '1', '2']);
});

test('a consumer with a higher priority receives everything until it is full', () => {
  const { put, consumer } = place();
  const [low, high] = [consumer(), consumer({ priority: 5, prefetch: 2 })];
  put('1', '2', '3');
  assert.equal([high.got, low.got], [['1', '2'], ['3']]);
});

test('a quorum queue activates a higher priority after the settlement', () => {
  const { put, consumer, queue } = place({ 'x-single-active-consumer': true, 'x-queue-type': 'quorum' });
  const low = consumer({ prefetch: 1 });
  put('1', '2', '3');
  const high = consumer({ priority: 5 });
  assert.equal([low.got, high.got], [['1'], []]);
  low.unacked -= 1;
  queue.requeue([low.entries[0] as QueueEntry], false);
  queue.dispatch();
  queue.wake(low);
  assert.equal([low.got, high.got], [['1'], ['1', '2', '3']]);
  assert.is(queue.consumers.active, high);
});

test('a classic queue keeps its active consumer despite a higher priority', () => {
  const { put, consumer } = place({ 'x-single-active-consumer': true });
  const low = consumer();
  const high = consumer({ priority: 5 });
  put('1');
  assert.equal([low.got, high.got], [['1'], []]);
});

test('the next consumer becomes active when the active one is removed', () => {
  const { put, consumer, queue } = place({ 'x-single-active-consumer': true });
  const [one, two] = [consumer(), consumer()];
  put('1', '2');
  queue.removeConsumer(one);
  put('3');
  assert.equal([one.got, two.got], [['1', '2'], ['3']]);
});

test('refuses a second consumer if the first one is exclusive', () => {
  const { consumer } = place();
  consumer({ exclusive: true });
  assert.throws(() => consumer(), /ACCESS_REFUSED - queue 'q' in vhost '\/' in exclusive use/);
});

test('a quorum queue counts failures and drops after the delivery limit', () => {
  const { vhost, queue, put } = place({
    'x-queue-type': 'quorum',
    'x-delivery-limit': 2,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'dead',
  });
  const dead = declare(vhost, 'dead');
  put('a');
  const headers: (Table | undefined)[] = [];
  for (let got = queue.get(false); got !== undefined; got = queue.get(false)) {
    headers.push(queue.withDeliveryCount(got.entry).properties().headers);
    queue.requeue([got.entry], headers.length !== 1);
  }
  assert.equal(
    headers.map((each) => ({ ...each })),
    [
      {},
      { 'x-acquired-count': 1 },
      { 'x-acquired-count': 2, 'x-delivery-count': 1 },
      { 'x-acquired-count': 3, 'x-delivery-count': 2 },
    ],
  );
  assert.is([...dead.ready][0]?.message.properties().headers?.['x-first-death-reason'], 'delivery_limit');
});

test('a message in two queues counts its bytes once', () => {
  const { vhost, queue, memory } = place();
  const other = declare(vhost, 'other');
  vhost.deliver(message('a'.repeat(1000)), [queue, other]);
  const both = memory.usedBytes;
  queue.purge();
  const once = memory.usedBytes;
  assert.ok(once < both && once > 1000);
  // The limit is the sum of one slab of small contents, one message and two entries.
  assert.ok(both < 34_000, String(both));
  vhost.removeQueue(other);
  assert.is(memory.usedBytes, 0);
});

test('an entry that returns to a deleted queue frees its memory', () => {
  const { vhost, queue, memory, put } = place();
  put('a', 'b', 'c');
  const entries = [queue.get(false), queue.get(false), queue.get(false)].map((got) => got?.entry as QueueEntry);
  vhost.removeQueue(queue);
  queue.ack(entries[0] as QueueEntry);
  queue.reject(entries[1] as QueueEntry);
  queue.requeue([entries[2] as QueueEntry], true);
  assert.is(memory.usedBytes, 0);
});

test.run();
