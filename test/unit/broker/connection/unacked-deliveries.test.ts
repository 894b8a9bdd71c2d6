import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { UnackedDeliveries } from '../../../../src/broker/connection/unacked-deliveries.ts';
import { ProtocolError } from '../../../../src/broker/protocol-error.ts';
import { atOnce } from '../../../../src/broker/slices.ts';
import { message, place } from '../queue-place.ts';

test('returns each delivery once, and refuses an unknown tag', () => {
  const unacked = delivered(2);
  assert.is(unacked.take(1).tag, 1);
  assert.throws(() => unacked.take(1), isUnknownTag);
  assert.throws(() => unacked.assertHas(1), isUnknownTag);
  unacked.assertHas(2);
  unacked.assertHas(0);
});

test('returns the deliveries up to a tag, and all for tag 0', () => {
  const unacked = delivered(5);
  assert.equal(tagsOf(unacked.takeUpTo(3)), [1, 2, 3]);
  assert.is(unacked.size, 2);
  assert.equal(tagsOf(unacked.takeUpTo(0)), [4, 5]);
  assert.is(unacked.size, 0);
});

test('restores deliveries in the order of their tags', () => {
  const unacked = delivered(5);
  const taken = [4, 2].map((tag) => unacked.take(tag));
  atOnce(unacked.restore(taken));
  assert.equal(tagsOf(unacked.takeUpTo(0)), [1, 2, 3, 4, 5]);
});

function delivered(count: number): UnackedDeliveries {
  const { queue } = place();
  const unacked = new UnackedDeliveries();
  for (let left = count; left > 0; left--) {
    queue.publish(message('x'));
    const got = queue.get(false);
    if (got !== undefined) unacked.add({ tag: unacked.nextTag(), entry: got.entry, queue, consumer: undefined });
  }
  return unacked;
}

function tagsOf(deliveries: Iterable<{ readonly tag: number }>): number[] {
  return Array.from(deliveries, ({ tag }) => tag);
}

function isUnknownTag(error: unknown): boolean {
  return error instanceof ProtocolError && error.replyCode === 406;
}

test.run();
