// What happens to the copy of a message whose delivery was lost while its handler ran.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Copies } from '../../../src/roles/copies.ts';
import { messageOf } from '../../../src/roles/message.ts';
import type { Delivery } from '../../../src/session/consumer.ts';

interface Given {
  readonly id?: string;
  readonly body?: string;
  readonly headers?: Record<string, unknown>;
  readonly redelivered?: boolean;
}

function delivered({ id, body = 'text', headers = {}, redelivered = false }: Given = {}) {
  const fields = { exchange: '', routingKey: 'q', redelivered, deliveryTag: 1, consumerTag: 'c' };
  const raw = {
    content: Buffer.from(body),
    fields,
    properties: { headers, ...(id !== undefined && { messageId: id }) },
  };
  const state = { isLost: false, answers: [] as string[] };
  const answer = (what: string) => {
    if (!state.isLost) state.answers.push(what);
    return !state.isLost;
  };
  const delivery: Delivery = {
    raw,
    queue: 'q',
    get isStale() {
      return state.isLost;
    },
    get isRequeued() {
      return state.isLost;
    },
    ack: () => answer('ack'),
    nack: () => answer('nack'),
    reject: () => answer('reject'),
  };
  return { delivery, message: messageOf(raw, 'q'), state };
}

const copyOf = (given: Given) =>
  delivered({ ...given, headers: { ...given.headers, 'x-delivery-count': 1 }, redelivered: true });

for (const id of ['one', undefined]) {
  const given = { ...(id !== undefined && { id }), headers: { kind: 'a' } };

  test(`a copy of a message in hand gets the answer of its run, message-id ${id}`, () => {
    const copies = new Copies();
    const first = delivered(given);
    const held = copies.hold(first.delivery, first.message);
    const [early, copy, second] = [copyOf(given), copyOf(given), copyOf(given)];
    assert.not(copies.join(early.delivery, early.message), 'the delivery is not lost');
    first.state.isLost = true;
    assert.ok(copies.join(copy.delivery, copy.message));
    assert.not(held.isStale);
    assert.not(copies.join(second.delivery, second.message), 'one run answers one delivery');
    assert.ok(held.ack());
    assert.equal([first.state.answers, copy.state.answers], [[], ['ack']]);
    copies.release(held);
    assert.is(copies.recall(second.message), undefined);
  });

  test(`an answer that did not reach the broker is that of the copy, once, message-id ${id}`, () => {
    const copies = new Copies();
    const first = delivered(given);
    const held = copies.hold(first.delivery, first.message);
    first.state.isLost = true;
    assert.not(held.ack());
    copies.release(held);
    const copy = copyOf(given);
    assert.not(copies.join(copy.delivery, copy.message));
    assert.is(copies.recall(delivered(given).message), undefined, 'not redelivered, so no copy');
    assert.equal(copies.recall(copy.message), { type: 'acked' });
    assert.is(copies.recall(copy.message), undefined);
  });
}

test('another message is no copy', () => {
  const copies = new Copies();
  const first = delivered({ id: 'one', headers: { kind: 'a' } });
  copies.hold(first.delivery, first.message);
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

test('a message that was to go back leaves nothing behind', () => {
  const copies = new Copies();
  const first = delivered({ id: 'one' });
  const held = copies.hold(first.delivery, first.message);
  first.state.isLost = true;
  assert.not(held.nack(true));
  assert.is(copies.recall(copyOf({ id: 'one' }).message), undefined);
  assert.not(held.reject(false));
  assert.equal(copies.recall(copyOf({ id: 'one' }).message), { type: 'rejected' });
});

test.run();
