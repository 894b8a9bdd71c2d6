// Tests that a copy of the firehose becomes the message that was published, with its types.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tracedMessage } from '../../../../src/session/tap.ts';

const fields = {
  redelivered: false,
  deliveryTag: 7,
  consumerTag: 'c',
  exchange: 'amq.rabbitmq.trace',
  routingKey: 'publish.e',
};

test('a copy has the exchange, key, properties and headers of its message', () => {
  const headers = { big: 9_223_372_036_854_775_807n, at: { '!': 'timestamp', value: 5 }, list: [1, 'a'] };
  const properties = {
    content_type: 'text/plain',
    correlation_id: 'c-1',
    reply_to: 'q',
    delivery_mode: { '!': 'byte', value: 2 },
    priority: 3,
    timestamp: { '!': 'timestamp', value: 1_700_000_000 },
    headers,
  };
  const { raw, facts } = tracedMessage({
    content: Buffer.from('body'),
    fields,
    properties: {
      headers: {
        exchange_name: 'e',
        routing_keys: ['k', 'cc'],
        node: 'rabbit@a',
        user: 'guest',
        connection: 'c',
        routed_queues: ['q1'],
        properties,
      },
    },
  });
  assert.equal([raw.fields.exchange, raw.fields.routingKey, raw.content.toString()], ['e', 'k', 'body']);
  assert.equal(raw.properties, {
    contentType: 'text/plain',
    correlationId: 'c-1',
    replyTo: 'q',
    headers,
    deliveryMode: 2,
    priority: 3,
    timestamp: 1_700_000_000,
  });
  assert.equal(facts, { node: 'rabbit@a', user: 'guest', connection: 'c', routedQueues: ['q1'] });
});

test('a copy without headers becomes a message without properties', () => {
  const { raw, facts } = tracedMessage({ content: Buffer.alloc(0), fields, properties: {} });
  assert.equal([raw.fields.exchange, raw.fields.routingKey, raw.properties], ['', '', {}]);
  assert.equal(facts.routedQueues, []);
});

test.run();
