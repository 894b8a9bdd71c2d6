import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type DeclaredQueue,
  declaredByDefinitions,
  declaredByRascal,
  isDefinitions,
} from '../../../../src/config/rules/declared.ts';

const inRascal = (queue: object, more: object = {}): DeclaredQueue | undefined =>
  declaredByRascal({ vhosts: { '/': { queues: { q: queue }, ...more } } }).queues[0];
const inDefinitions = (queue: object, more: object = {}): DeclaredQueue | undefined =>
  declaredByDefinitions({ queues: [{ name: 'q', vhost: '/', ...queue }], ...more }).queues[0];

const base = { name: 'q', vhost: '/', type: 'classic', durable: true, exclusive: false, autoDelete: false };
const rows: [title: string, queue: DeclaredQueue | undefined, expected: object][] = [
  ['a queue with the defaults of AMQP', inRascal({}), { ...base, arguments: {} }],
  [
    'properties and options as AMQP arguments',
    inRascal({ options: { durable: false, exclusive: true, autoDelete: true, maxPriority: 5, messageTtl: 9 } }),
    {
      ...base,
      durable: false,
      exclusive: true,
      autoDelete: true,
      arguments: { 'x-max-priority': 5, 'x-message-ttl': 9 },
    },
  ],
  [
    'an option instead of the argument of the same meaning',
    inRascal({ options: { maxPriority: 5, arguments: { 'x-max-priority': 9 } } }),
    { ...base, arguments: { 'x-max-priority': 5 } },
  ],
  [
    "the vhost's defaults of queues",
    inRascal({}, { defaults: { queues: { options: { arguments: { 'x-queue-type': 'quorum' } } } } }),
    { ...base, type: 'quorum', arguments: { 'x-queue-type': 'quorum' } },
  ],
  [
    'an exported queue',
    inDefinitions({ durable: false, auto_delete: true, arguments: { 'x-expires': 1 } }),
    { ...base, durable: false, autoDelete: true, arguments: { 'x-expires': 1 } },
  ],
  [
    'the default queue type of its vhost',
    inDefinitions({}, { vhosts: [{ name: '/', metadata: { default_queue_type: 'quorum' } }] }),
    { ...base, type: 'quorum', arguments: {} },
  ],
];

for (const [title, queue, expected] of rows) {
  test(`declares ${title}`, () => {
    const { at: _, placeOf: __, settingsText: ___, ...rest } = queue ?? ({} as DeclaredQueue);
    assert.equal(rest, expected);
  });
}

test('omits queues and exchanges that are not asserted', () => {
  const vhost = { queues: { q: { assert: false } }, exchanges: { e: { assert: false }, f: { type: 'fanout' } } };
  const { queues, exchanges } = declaredByRascal({ vhosts: { '/': vhost } });
  assert.equal(queues, []);
  assert.equal(exchanges, [{ name: 'f', vhost: '/', at: ['vhosts', '/', 'exchanges', 'f', 'type'], type: 'fanout' }]);
});

test('finds the position of an argument, option, property and absent setting', () => {
  const options = { durable: false, maxPriority: 5, arguments: { 'x-expires': 1 } };
  const at = ['vhosts', '/', 'queues', 'q'];
  const rascal = inRascal({ options });
  assert.equal(rascal?.placeOf('x-expires'), [...at, 'options', 'arguments', 'x-expires']);
  assert.equal(rascal?.placeOf('x-max-priority'), [...at, 'options', 'maxPriority']);
  assert.equal(rascal?.placeOf('durable'), [...at, 'options', 'durable']);
  assert.equal(rascal?.placeOf('x-queue-type'), at);
  const exported = inDefinitions({ auto_delete: true, arguments: { 'x-expires': 1 } });
  assert.equal(exported?.placeOf('x-expires'), ['queues', 0, 'arguments', 'x-expires']);
  assert.equal(exported?.placeOf('autoDelete'), ['queues', 0, 'auto_delete']);
  assert.equal(exported?.placeOf('durable'), ['queues', 0]);
});

test('formats replacement settings in the syntax of the file', () => {
  const settings = { durable: true, arguments: { 'x-expires': 1 } };
  assert.is(inRascal({})?.settingsText(settings), '"options": {"durable":true,"arguments":{"x-expires":1}}');
  assert.is(inRascal({})?.settingsText({ durable: true, arguments: {} }), '"options": {"durable":true}');
  assert.is(
    inDefinitions({})?.settingsText(settings),
    '"durable": true, "auto_delete": false, "arguments": {"x-expires":1}',
  );
});

test('finds subscriptions that limit a channel, with the type of their queue', () => {
  const queues = { q: { options: { arguments: { 'x-queue-type': 'quorum' } } } };
  const { channelPrefetches } = declaredByRascal({
    vhosts: { v: { queues, subscriptions: { s: { queue: 'q', channelPrefetch: 5 } } } },
    subscriptions: { t: { vhost: 'v', queue: 'q', channelPrefetch: 6 }, u: { queue: 'q', channelPrefetch: 0 } },
  });
  assert.equal(channelPrefetches, [
    { at: ['vhosts', 'v', 'subscriptions', 's', 'channelPrefetch'], prefetch: 5, queue: 'quorum' },
    { at: ['subscriptions', 't', 'channelPrefetch'], prefetch: 6, queue: 'quorum' },
  ]);
});

for (const [file, expected] of [
  [{ rabbit_version: '3.13.7' }, true],
  [{ rabbitmq_definition_format: 'cluster' }, true],
  [{ queues: [] }, true],
  [{ policies: [] }, true],
  [{ vhosts: { '/': {} } }, false],
  [{}, false],
] as const) {
  test(`recognises ${JSON.stringify(file)} as ${expected ? 'definitions' : 'a rascal.json'}`, () => {
    assert.is(isDefinitions(file), expected);
  });
}

test.run();
