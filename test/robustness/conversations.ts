// Valid conversations of a client on one channel. The fuzzer mutates them.

import type { BasicProperties } from '../../src/broker/codec/properties.ts';
import { Decimal, type Table, Timestamp } from '../../src/broker/codec/table.ts';
import { content, method, publish } from './frames.ts';

const everyType: Table = {
  bool: true,
  byte: 7,
  long: 2 ** 40,
  double: 1.5,
  text: 'text',
  bytes: Buffer.from([0, 255, 128]),
  nothing: null,
  time: new Timestamp(1_700_000_000),
  decimal: new Decimal(2, 314),
  list: [1, 'two', [3, { four: 4 }]],
  table: { a: { b: { c: [] } } },
};

const everyProperty: BasicProperties = {
  contentType: 'text/plain',
  contentEncoding: 'utf-8',
  headers: { ...everyType, CC: ['f1', 'f2'], BCC: ['f3'] },
  deliveryMode: 2,
  priority: 5,
  correlationId: 'c',
  replyTo: 'amq.rabbitmq.reply-to',
  expiration: '60000',
  messageId: 'm',
  timestamp: 1_700_000_000,
  type: 't',
  userId: 'guest',
  appId: 'a',
  clusterId: 'x',
};

const queueArguments: Table = {
  'x-message-ttl': 60_000,
  'x-expires': 600_000,
  'x-max-length': 10,
  'x-max-length-bytes': 100_000,
  'x-max-priority': 10,
  'x-overflow': 'drop-head',
  'x-dead-letter-exchange': 'amq.fanout',
  'x-dead-letter-routing-key': 'dead',
  'x-single-active-consumer': true,
};

const streamArguments: Table = {
  'x-queue-type': 'stream',
  'x-max-age': '1h',
  'x-max-length-bytes': 20_000,
  'x-stream-max-segment-size-bytes': 4000,
  'x-stream-filter-size-bytes': 16,
};
const filterValue = { 'x-stream-filter-value': 'a' };

/** Each function returns the frames of a conversation on an open channel. */
export const conversations: readonly ((channel: number) => Buffer[])[] = [
  (c) => [
    method(c, 'queue.declare', { queue: 'f-stream', durable: true, arguments: streamArguments }),
    method(c, 'queue.bind', { queue: 'f-stream', exchange: 'amq.topic', routingKey: 'f.#' }),
    ...publish(c, { routingKey: 'f-stream' }, 'body', everyProperty),
    ...publish(c, { exchange: 'amq.topic', routingKey: 'f.x' }, 'x'.repeat(3000), { headers: filterValue }),
    method(c, 'basic.qos', { prefetchCount: 2 }),
    method(c, 'basic.consume', { queue: 'f-stream', consumerTag: 'first', arguments: { 'x-stream-offset': 'first' } }),
    method(c, 'basic.consume', { queue: 'f-stream', consumerTag: 'filtered', arguments: { 'x-stream-filter': ['a'] } }),
    method(c, 'basic.consume', { queue: 'f-stream', consumerTag: 'since', arguments: { 'x-stream-offset': '1h' } }),
    method(c, 'basic.ack', { deliveryTag: 1 }),
    method(c, 'basic.nack', { deliveryTag: 0, multiple: true, requeue: true }),
    method(c, 'basic.cancel', { consumerTag: 'first' }),
    method(c, 'queue.delete', { queue: 'f-stream', ifEmpty: true }),
  ],
  (c) => [
    method(c, 'queue.declare', { queue: 'f1', durable: true, arguments: queueArguments }),
    ...publish(c, { routingKey: 'f1', mandatory: true }, 'body', everyProperty),
    method(c, 'basic.get', { queue: 'f1' }),
    method(c, 'basic.nack', { deliveryTag: 1, requeue: true }),
    method(c, 'queue.purge', { queue: 'f1' }),
  ],
  (c) => [
    method(c, 'queue.declare', {
      queue: 'f2',
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2, 'x-dead-letter-exchange': '' },
    }),
    method(c, 'confirm.select'),
    ...publish(c, { routingKey: 'f2' }, 'one', { deliveryMode: 2, headers: everyType }),
    ...publish(c, { routingKey: 'f2' }, 'two', { expiration: '0' }),
    method(c, 'basic.qos', { prefetchCount: 1 }),
    method(c, 'basic.consume', { queue: 'f2', consumerTag: 'tag', arguments: { 'x-priority': 3 } }),
    method(c, 'basic.reject', { deliveryTag: 1, requeue: true }),
    method(c, 'basic.ack', { deliveryTag: 2, multiple: true }),
    method(c, 'basic.cancel', { consumerTag: 'tag' }),
  ],
  (c) => [
    method(c, 'exchange.declare', {
      exchange: 'fe',
      type: 'topic',
      durable: true,
      arguments: { 'alternate-exchange': 'amq.fanout' },
    }),
    method(c, 'exchange.declare', { exchange: 'fh', type: 'headers', autoDelete: true }),
    method(c, 'exchange.bind', { destination: 'fh', source: 'fe', routingKey: 'a.#' }),
    method(c, 'queue.declare', { queue: '', exclusive: true }),
    method(c, 'queue.bind', { queue: '', exchange: 'fh', arguments: { 'x-match': 'any-with-x', ...everyType } }),
    ...publish(c, { exchange: 'fe', routingKey: 'a.b.c' }, 'routed', { headers: { text: 'text' } }),
    method(c, 'queue.unbind', { queue: '', exchange: 'fh', arguments: { 'x-match': 'any-with-x', ...everyType } }),
    method(c, 'exchange.unbind', { destination: 'fh', source: 'fe', routingKey: 'a.#' }),
    method(c, 'exchange.delete', { exchange: 'fe', ifUnused: true }),
  ],
  (c) => [
    method(c, 'tx.select'),
    method(c, 'queue.declare', { queue: 'f3', autoDelete: true }),
    ...publish(c, { exchange: 'amq.topic', routingKey: 'x.y' }, 'in doubt', { priority: 255 }),
    method(c, 'tx.rollback'),
    ...publish(c, { exchange: 'amq.fanout' }, 'committed', everyProperty),
    method(c, 'tx.commit'),
    method(c, 'basic.get', { queue: 'f3', noAck: true }),
    method(c, 'queue.delete', { queue: 'f3', ifEmpty: true }),
  ],
  (c) => [
    method(c, 'basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true, consumerTag: 'replies' }),
    method(c, 'basic.publish', { exchange: 'amq.fanout', routingKey: 'é' }),
    ...content(c, Buffer.alloc(3000, 'x'), { replyTo: 'amq.rabbitmq.reply-to' }, 700),
    method(c, 'channel.flow', { active: true }),
    method(c, 'basic.recover', { requeue: true }),
    method(c, 'access.request', { realm: '/data' }),
    method(c, 'queue.declare', { queue: 'amq.rabbitmq.reply-to', passive: true }),
  ],
];
