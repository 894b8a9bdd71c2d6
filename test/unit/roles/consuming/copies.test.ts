// Tests the redelivered copy of a message whose channel closed while its handler ran.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Copies } from '../../../../src/roles/consuming/copies.ts';
import { delivered, type Sent } from '../../../support/delivery.ts';

const copyOf = (given: Sent) =>
  delivered({ ...given, headers: { ...given.headers, 'x-delivery-count': 1 }, redelivered: true });

for (const id of ['one', undefined]) {
  const given = { ...(id !== undefined && { id }), headers: { kind: 'a' } };

  test(`a copy of a running message receives its outcome, message-id ${id}`, () => {
    const copies = new Copies();
    const first = delivered(given);
    const tracked = copies.track(first.delivery, first.message);
    const [early, copy, second] = [copyOf(given), copyOf(given), copyOf(given)];
    assert.not(copies.join(early.delivery, early.message), 'the delivery is not lost');
    first.state.isLost = true;
    assert.ok(copies.join(copy.delivery, copy.message));
    assert.not(tracked.isStale);
    assert.not(copies.join(second.delivery, second.message), 'one run answers one delivery');
    assert.ok(tracked.ack());
    assert.equal([first.state.answers, copy.state.answers], [[], ['ack']]);
    copies.release(tracked);
    assert.is(copies.recall(second.message), undefined);
  });

  test(`uses a lost acknowledgement once, for the copy, message-id ${id}`, () => {
    const copies = new Copies();
    const first = delivered(given);
    const tracked = copies.track(first.delivery, first.message);
    first.state.isLost = true;
    assert.not(tracked.ack());
    copies.release(tracked);
    const copy = copyOf(given);
    assert.not(copies.join(copy.delivery, copy.message));
    assert.is(copies.recall(delivered(given).message), undefined, 'it was not redelivered, so it is not a copy');
    assert.equal(copies.recall(copy.message), { type: 'acked' });
    assert.is(copies.recall(copy.message), undefined);
  });
}

test('another message is not a copy', () => {
  const copies = new Copies();
  const first = delivered({ id: 'one', headers: { kind: 'a' } });
  copies.track(first.delivery, first.message);
  first.state.isLost = true;
  for (const other of [
    { id: 'two', headers: { kind: 'a' } },
    { id: 'one', headers: { kind: 'b' } },
    { id: 'one', headers: { kind: 'a' }, body: 'other' },
  ]) {
    const { delivery, message } = copyOf(other);
    assert.not(copies.join(delivery, message));
  }
});

test('remembers a rejected message, but not a requeued one', () => {
  const copies = new Copies();
  const first = delivered({ id: 'one' });
  const tracked = copies.track(first.delivery, first.message);
  first.state.isLost = true;
  assert.not(tracked.nack(true));
  assert.is(copies.recall(copyOf({ id: 'one' }).message), undefined);
  assert.not(tracked.reject(false));
  assert.equal(copies.recall(copyOf({ id: 'one' }).message), { type: 'rejected' });
});

test.run();
