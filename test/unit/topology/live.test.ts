// Tests the reader of the management API with answers of RabbitMQ 4.3.6, and the reader of exported definitions.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Collection, defaultQueueTypes, exportedTopology, liveTopology } from '../../../src/topology/live.ts';

const answers: Readonly<Record<Collection, unknown>> = {
  exchanges: [
    { name: '', type: 'direct', durable: true, auto_delete: false, internal: false, arguments: {} },
    {
      ...{ name: 'e', type: 'topic', durable: true, auto_delete: false, internal: true, policy: 'pe' },
      arguments: { 'alternate-exchange': 'a' },
    },
  ],
  queues: [
    {
      ...{ name: 'q', type: 'quorum', durable: true, auto_delete: false, exclusive: false, state: 'running' },
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 },
      ...{ messages: 3, messages_unacknowledged: 1, consumers: 2, policy: 'p' },
      effective_policy_definition: { 'max-length': 1 },
    },
    // RabbitMQ reports no counts of a queue for some seconds after its declaration.
    { name: 'new', type: 'classic', durable: false, auto_delete: true, exclusive: true, arguments: {} },
  ],
  bindings: [
    { source: '', destination: 'q', destination_type: 'queue', routing_key: 'q', arguments: {} },
    {
      source: 'e',
      destination: 'f',
      destination_type: 'exchange',
      routing_key: 'k',
      arguments: { n: 1, m: 'undefined' },
    },
  ],
  policies: [{ name: 'p', pattern: '^q', 'apply-to': 'queues', priority: 1, definition: { 'max-length': 1 } }],
  'operator-policies': [{ name: 'o', pattern: '^q', priority: 0, definition: { expires: 1 } }],
};

test('reads a vhost with one request for each list', async () => {
  const requests: string[] = [];
  const topology = await liveTopology(async (collection, columns) => {
    requests.push(`${collection} ${columns[0]}`);
    return answers[collection];
  });
  assert.equal(requests.toSorted(), ['bindings source', 'exchanges name', 'policies name', 'queues name']);
  assert.equal(topology, {
    exchanges: [
      {
        ...{ name: 'e', type: 'topic', durable: true, autoDelete: false, internal: true, policy: 'pe' },
        arguments: { 'alternate-exchange': 'a' },
      },
    ],
    queues: [
      {
        ...{ name: 'q', type: 'quorum', durable: true, autoDelete: false, exclusive: false, state: 'running' },
        arguments: { 'x-delivery-limit': 5 },
        policy: 'p',
        policySettings: { 'max-length': 1 },
        counts: { messages: 3, unacknowledged: 1, consumers: 2 },
      },
      { name: 'new', type: 'classic', durable: false, autoDelete: true, exclusive: true, arguments: {}, counts: {} },
    ],
    bindings: [{ source: 'e', destination: 'f', destinationType: 'exchange', key: 'k', arguments: { n: 1, m: null } }],
    policies: [{ name: 'p', pattern: '^q', applyTo: 'queues', priority: 1, definition: { 'max-length': 1 } }],
  });
});

test('an answer that is no list is an error', async () => {
  try {
    await liveTopology(async () => ({ error: 'x' }));
    assert.unreachable();
  } catch (error) {
    assert.is(Object(error).code, 'PROTOCOL');
  }
});

test('reads the default queue types, also from the metadata', () => {
  const types = defaultQueueTypes([
    { name: '/', default_queue_type: 'classic' },
    { name: 'a', metadata: { default_queue_type: 'quorum' } },
    { name: 'b', default_queue_type: 'undefined' },
  ]);
  assert.equal(
    [...types],
    [
      ['/', 'classic'],
      ['a', 'quorum'],
    ],
  );
});

const exchange = { name: 'e', type: 'topic', durable: true, auto_delete: false, arguments: {} };

test('reads one vhost of an export, with its predeclared exchanges', () => {
  const definitions = {
    vhosts: [{ name: '/' }, { name: 'shop', metadata: { default_queue_type: 'quorum' } }],
    exchanges: [
      { ...exchange, vhost: 'shop' },
      { ...exchange, name: 'other', vhost: '/' },
    ],
    queues: [{ name: 'q', vhost: 'shop', durable: true, arguments: {} }],
    bindings: [],
    policies: [],
  };
  const topology = exportedTopology(definitions, 'shop');
  assert.equal(
    topology?.exchanges.map(({ name, type }) => `${name} ${type}`),
    [
      'amq.direct direct',
      'amq.fanout fanout',
      'amq.topic topic',
      'amq.headers headers',
      'amq.match headers',
      'e topic',
    ],
  );
  assert.equal(
    topology?.queues.map(({ name, type, counts }) => [name, type, counts]),
    [['q', 'classic', {}]],
  );
  assert.is(topology?.defaultQueueType, 'quorum');
  assert.is(topology?.lacksInternal, true);
  assert.is(exportedTopology(definitions, 'none'), undefined);
});

test('reads an export of a single vhost, whose items name no vhost', () => {
  const definitions = {
    original_vhost_name: 'shop',
    default_queue_type: 'quorum',
    exchanges: [{ ...exchange, internal: false }],
    queues: [],
    bindings: [],
  };
  const topology = exportedTopology(definitions, 'shop');
  assert.is(topology?.exchanges.at(-1)?.name, 'e');
  assert.is(topology?.defaultQueueType, 'quorum');
  assert.is(topology?.lacksInternal, false);
  assert.is(exportedTopology(definitions, '/'), undefined);
});

test.run();
