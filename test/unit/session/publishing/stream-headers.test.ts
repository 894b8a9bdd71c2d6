import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MessageSeries } from '../../../../src/session/outgoing-message.ts';
import { unkeptHeader } from '../../../../src/session/publishing/stream-headers.ts';

const refused = (headers: Record<string, unknown>, queue = 'events') =>
  unkeptHeader(
    { exchange: '', routingKey: queue, body: Buffer.alloc(0), properties: { headers }, mandatory: true },
    (_, key) => (key === 'events' ? key : undefined),
  )?.message;

test('names the header that a stream drops', () => {
  assert.is(refused({ n: 1, tags: ['a'] }), "the header 'tags' is an array, which the stream 'events' does not keep");
  assert.is(refused({ user: { id: 1 } }), "the header 'user' is a table, which the stream 'events' does not keep");
  const decimal = { '!': 'decimal', value: { places: 1, digits: 1 } };
  assert.match(refused({ 'x-price': decimal }) ?? '', "the header 'x-price' is a decimal");
  assert.match(refused({ 'x-prices': [decimal] }) ?? '', "the header 'x-prices' is an array with a decimal");
  assert.match(refused({ 'x-a': { b: [decimal] } }) ?? '', "the header 'x-a' is a table with a decimal");
});

test('accepts what a stream keeps, and other queues', () => {
  const time = { '!': 'timestamp', value: 1 };
  assert.is(refused({ s: 'a', n: 1, b: true, bytes: Buffer.alloc(1), none: null, time, 'x-list': [1] }), undefined);
  assert.is(refused({ CC: ['a'], BCC: ['b'], 'x-death': [{}] }), undefined);
  assert.is(refused({ tags: ['a'] }, 'tasks'), undefined);
});

test('reads the headers of a series', () => {
  const properties = { headers: { tags: ['a'] } };
  const series = new MessageSeries({ exchange: '', routingKey: 'events', mandatory: true, properties });
  assert.ok(unkeptHeader(series.message(Buffer.alloc(0)), () => 'events'));
});

test.run();
