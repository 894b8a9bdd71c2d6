// Tests which counter headers of a delivery are trusted.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { forgedCounters } from '../../../../src/roles/consuming/work-queue.ts';
import { messageOf } from '../../../../src/roles/message.ts';

const counters = { 'x-delivery-count': 4, 'x-acquired-count': 5 };

/** Returns the attempt of a delivery with counters in its headers, and the names of the remaining headers. */
function read(type: string | undefined, redelivered: boolean) {
  const fields = { exchange: '', routingKey: 'q', redelivered, deliveryTag: 1, consumerTag: 'c' };
  const queue = { declared: type === undefined ? undefined : { 'x-queue-type': type }, isOwn: false, server: {} };
  const raw = { content: Buffer.alloc(0), fields, properties: { headers: { ...counters, own: 1 } } };
  const { attempt, headers } = messageOf(raw, 'q', forgedCounters(queue, fields));
  return [attempt, ...Object.keys(headers)];
}

test('ignores counters of a publisher', () => {
  for (const type of ['classic', 'stream']) {
    assert.equal(read(type, false), [1, 'own'], type);
    assert.equal(read(type, true), [1, 'own'], type);
  }
  for (const type of ['quorum', undefined]) assert.equal(read(type, false), [1, 'x-acquired-count', 'own'], type);
});

test('uses the counter of a quorum queue for a redelivery', () => {
  for (const type of ['quorum', undefined])
    assert.equal(read(type, true), [5, 'x-delivery-count', 'x-acquired-count', 'own'], type);
});

test.run();
