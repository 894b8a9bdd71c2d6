// Tests which headers of mq are trusted: those of a message that returned from its wait queue.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { identityOf } from '../../../src/roles/consuming/identity.ts';
import { messageOf } from '../../../src/roles/message.ts';
import { propertyBytes, readProperties } from '../../../src/session/codec/content-header.ts';
import type { RawMessage } from '../../../src/session/wire.ts';

const own = { 'x-mq-queue': 'work', 'x-mq-exchange': 'colours', 'x-mq-routing-key': 'red', 'x-mq-attempt': 2 };
const death = (queue: string, reason = 'expired') => ({
  queue,
  reason,
  count: 1,
  exchange: '',
  'routing-keys': [queue],
});
const byName = { exchange: '', routingKey: 'work' };

function fieldsOf(at: { exchange: string; routingKey: string }, headers: Record<string, unknown>) {
  const fields = { ...at, redelivered: false, deliveryTag: 1, consumerTag: 'c' };
  const raw: RawMessage = { content: Buffer.alloc(0), fields, properties: { headers } };
  const { fields: seen, headers: left, attempt } = messageOf(raw, 'work');
  return [seen.exchange, seen.routingKey, attempt, Object.keys(left).filter((name) => name.startsWith('x-mq-')).length];
}

test('a message from the wait queue has its original exchange and key', () => {
  const headers = { ...own, 'x-death': [death('work.retry.1000'), death('older', 'rejected')] };
  assert.equal(fieldsOf(byName, headers), ['colours', 'red', 2, 4]);
});

test('a message republished by mq has its original exchange and key', () => {
  assert.equal(fieldsOf(byName, { ...own, 'x-mq-renewed': true }), ['colours', 'red', 2, 5]);
});

test('ignores the attempts of another queue', () => {
  assert.equal(fieldsOf(byName, { ...own, 'x-mq-queue': 'other', 'x-mq-renewed': true }).slice(0, 3), ['', 'work', 1]);
});

test('removes headers that a publisher forged', () => {
  for (const deaths of [
    [],
    [death('work.retry.1000', 'rejected')],
    'work.retry.1000',
    [null],
    [death('other'), death('work.retry.1')],
  ]) {
    const at = { exchange: 'orders', routingKey: 'new' };
    assert.equal(fieldsOf(at, { ...own, 'x-death': deaths }), ['orders', 'new', 1, 0], JSON.stringify(deaths));
    const { 'x-mq-queue': _, ...unnamed } = own;
    assert.equal(fieldsOf(at, { ...unnamed, 'x-death': deaths }), ['orders', 'new', 1, 0]);
    assert.equal(fieldsOf(byName, { ...own, 'x-death': deaths }).slice(0, 2), ['', 'work']);
  }
  const elsewhere = { exchange: 'orders', routingKey: 'work' };
  assert.equal(fieldsOf(elsewhere, { ...own, 'x-death': [death('work.retry.1000')] }), ['orders', 'work', 1, 0]);
});

test('a dead letter of another queue keeps its headers', () => {
  const headers = { ...own, 'x-mq-queue': 'invoices', 'x-mq-reason': 'exit status 9' };
  assert.is(fieldsOf({ exchange: 'morgue', routingKey: 'x' }, headers)[3], 5);
});

test('recognises a message that comes again with counters of the broker', () => {
  const sent = { contentType: 'text/plain', deliveryMode: 2, messageId: 'one', timestamp: 1_700_000_000, appId: 'a' };
  const identity = (headers: object, redelivered: boolean) => {
    const properties = readProperties(propertyBytes({ ...sent, ...headers }));
    const fields = { ...byName, redelivered, deliveryTag: 1, consumerTag: 'c' };
    return identityOf(messageOf({ content: Buffer.from('text'), fields, properties }, 'work'));
  };
  const first = identity({}, false);
  assert.is(identity({ headers: { 'x-delivery-count': 1, 'x-acquired-count': 2 } }, true), first);
  assert.is(identity({ headers: {} }, true), first);
  assert.is.not(identity({ headers: { a: 1 } }, true), first);
});

test.run();
