// A quorum queue is read only if no message can reach its delivery limit by that.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DeliveryLimit, effectiveLimit, type LimitSource } from '../../../../src/roles/peeking/delivery-limit.ts';
import type { RawMessage } from '../../../../src/session/wire.ts';

for (const [argument, policy, limit] of [
  [undefined, undefined, 20],
  [5, undefined, 5],
  [undefined, 7, 7],
  [5, 7, 5],
  [7, 5, 5],
  [-1, undefined, undefined],
  [undefined, -1, undefined],
  [-1, 5, 5],
  [5, -1, 5],
  ['5', undefined, 20],
] as const)
  test(`an argument of ${argument} and a policy of ${policy} are a limit of ${limit}`, () => {
    assert.is(effectiveLimit(argument, policy), limit);
  });

function message(count: unknown, redelivered = true): RawMessage {
  const fields = { exchange: '', routingKey: 'q', redelivered, deliveryTag: 1, consumerTag: 'c' };
  return { content: Buffer.alloc(0), fields, properties: { headers: { 'x-delivery-count': count } } };
}

const limitOf = (limit: LimitSource, version: string) => new DeliveryLimit(limit, { queue: 'q', server: { version } });

test('RabbitMQ 4.0 to 4.2 count each look, so a reserve stays', () => {
  for (const version of ['4.0.5', '4.1.9', '4.2.0']) {
    const limit = limitOf(20, version);
    limit.refuseBefore();
    limit.refuse(message(16));
    limit.refuse(message(undefined));
    limit.refuse(message(19, false));
    assert.throws(
      () => limit.refuse(message(17)),
      /has 17 failed deliveries of at most 20, and with RabbitMQ 4\.\d\.\d each look/,
    );
  }
});

test('RabbitMQ 4.3 counts only a lost connection', () => {
  const limit = limitOf(20, '4.3.6');
  limit.refuse(message(19));
  assert.throws(() => limit.refuse(message(20)), /a lost connection would count as one/);
  assert.throws(() => limitOf('unknown', '4.3.0').refuse(message(20)), /at most 20/);
  for (const known of [0, 'unknown'] as const) limitOf(known, '4.3.6').refuseBefore();
});

test('refuses a limit that is too small or not known before the first look', () => {
  assert.throws(() => limitOf(3, '4.0.5').refuseBefore(), /the queue permits only 3/);
  assert.throws(() => limitOf('unknown', '4.0.5').refuseBefore(), /is not known/);
  limitOf(4, '4.0.5').refuseBefore();
});

test('a queue without a limit is never refused', () => {
  const limit = limitOf(undefined, '4.0.5');
  limit.refuseBefore();
  limit.refuse(message(1_000_000));
  assert.is(limit.declared['x-delivery-limit'], -1);
});

test.run();
