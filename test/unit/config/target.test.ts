// Tests `mq check --target`: what RabbitMQ 4.0 and 4.3 refuse or deprecate in a rascal.json or exported definitions.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { problemLine } from '../../../src/config/reading/problem.ts';
import { checkTarget, type Target, targets } from '../../../src/config/target.ts';
import { builtin, goodFiles, problemsOf } from './fixture.ts';

test('accepts the built-in file and the good files for both versions', () => {
  for (const target of targets) {
    assert.equal(linesOf(builtin, target), []);
    for (const [name, text] of goodFiles.filter(([, text]) => !/queueMode|channelPrefetch|"durable": false/.test(text)))
      assert.equal(linesOf(text, target), [], name);
  }
});

test('reports what 4.3 refuses or deprecates, with a replacement', () => {
  const text = `{ "vhosts": { "/": {
    "exchanges": { "later": { "type": "x-delayed-message" } },
    "queues": {
      "jobs": { "options": { "autoDelete": true, "arguments": { "x-ha-policy": "all", "x-max-priority": 9, "x-max-length": 10 } } },
      "scratch": { "options": { "durable": false, "queueMode": "lazy" } },
      "old": { "options": { "arguments": { "x-queue-version": 1, "x-queue-master-locator": "min-masters" } } },
      "safe": { "options": { "exclusive": true, "maxPriority": 5, "arguments": { "x-queue-type": "quorum" } } } } } },
  "subscriptions": { "safe": { "queue": "safe", "channelPrefetch": 5 } } }`;
  assert.equal(problemsOf(text), []);
  assert.equal(linesOf(text, '4.3'), [
    'refused f:2:39: vhosts["/"].exchanges.later.type: the delayed message exchange plugin is archived and has no release for RabbitMQ 4.3; instead: a queue with x-message-ttl that dead-letters to the exchange, as in the retries of mq',
    'refused f:4:80: vhosts["/"].queues.jobs.options.arguments.x-ha-policy: RabbitMQ 4.0 removed mirrored queues; it ignores this argument and keeps the queue on one node; instead: "options": {"durable":true,"arguments":{"x-queue-type":"quorum","x-expires":1800000,"x-max-length":10}}',
    'refused f:5:44: vhosts["/"].queues.scratch.options.durable: RabbitMQ 4.3.0 refuses a queue that is neither durable nor exclusive: it closes the connection (541) unless deprecated_features.permit.transient_nonexcl_queues is set. The Debian package 4.3.6 accepts it with a warning; instead: "options": {"durable":true} (or "exclusive": true if only one connection uses it)',
    'deprecated f:5:64: vhosts["/"].queues.scratch.options.queueMode: has no effect since RabbitMQ 3.12, because every classic queue behaves like a lazy one; the release notes of 4.3.0 announce that it is refused, but 4.3.6 accepts it; instead: remove x-queue-mode',
    'refused f:6:63: vhosts["/"].queues.old.options.arguments.x-queue-version: RabbitMQ 4.3 removed version 1 of classic queues (406); instead: remove x-queue-version',
    'refused f:6:92: vhosts["/"].queues.old.options.arguments.x-queue-master-locator: is deprecated, and RabbitMQ 4.3 closes the connection (541); instead: "x-queue-leader-locator": "balanced"',
    'refused f:7:43: vhosts["/"].queues.safe.options.exclusive: a quorum queue is always durable, never exclusive and never auto-deleted (406); instead: a classic queue',
    'refused f:7:64: vhosts["/"].queues.safe.options.maxPriority: a quorum queue does not support this argument (406); instead: remove it; a quorum queue supports message priorities without it',
    'deprecated f:8:68: subscriptions.safe.channelPrefetch: RabbitMQ 4.3 accepts this limit but applies it to each consumer of the channel; instead: "prefetch": 5',
  ]);
});

test('distinguishes the rules of 4.0 and 4.3', () => {
  const queues = (options: object) => ({ vhosts: { '/': { queues: { q: { options } } } } });
  for (const options of [
    { durable: false },
    { arguments: { 'x-queue-version': 1 } },
    { arguments: { 'x-queue-master-locator': 'random' } },
  ])
    assert.equal(
      targets.map((target) => linesOf(queues(options), target)[0]?.split(' ')[0]),
      ['deprecated', 'refused'],
    );
  const limited = {
    ...queues({ arguments: { 'x-queue-type': 'quorum' } }),
    subscriptions: { q: { queue: 'q', channelPrefetch: 5 } },
  };
  assert.equal(
    targets.map((target) => linesOf(limited, target)[0]?.split(' ')[0]),
    ['refused', 'deprecated'],
  );
});

test('applies defaults of queues and omits undeclared queues', () => {
  const file = {
    defaults: { vhosts: { queues: { options: { durable: false } } } },
    vhosts: { v: { queues: ['one', { name: 'two', assert: false }] } },
  };
  assert.equal(
    linesOf(file, '4.3').map((line) => line.slice(0, 80)),
    ['refused f:1:90: vhosts.v.queues[0]: RabbitMQ 4.3.0 refuses a queue that is neith'],
  );
});

test('replaces variables before it checks a file', () => {
  const file = {
    vhosts: {
      '/': { queues: { q: { options: { arguments: { 'x-queue-type': '${TYPE:-stream}', 'x-expires': 1 } } } } },
    },
  };
  assert.match(linesOf(file, '4.3')[0] ?? '', 'a stream queue does not support this argument');
});

test('refuses mirroring policies of exported definitions', () => {
  const text = JSON.stringify({
    rabbit_version: '3.13.7',
    vhosts: [{ name: '/' }, { name: 'q', metadata: { default_queue_type: 'quorum' } }],
    policies: [
      {
        vhost: '/',
        name: 'ha',
        pattern: '^ha\\.',
        'apply-to': 'queues',
        definition: { 'ha-mode': 'exactly', 'ha-params': 2, 'ha-sync-mode': 'automatic', 'max-length': 9 },
      },
      { vhost: '/', name: 'all', pattern: '', definition: { 'ha-mode': 'all' } },
      {
        vhost: '/',
        name: 'place',
        pattern: '(',
        definition: { 'queue-master-locator': 'client-local', 'queue-mode': 'lazy' },
      },
    ],
    queues: [
      { name: 'ha.orders', vhost: '/', durable: true, auto_delete: false, arguments: {} },
      { name: 'ha.safe', vhost: '/', durable: true, arguments: { 'x-queue-type': 'quorum' } },
      { name: 'tmp', vhost: '/', durable: false, auto_delete: true, arguments: {} },
      { name: 'limited', vhost: 'q', durable: true, arguments: { 'x-delivery-limit': 3 } },
    ],
  });
  const { format, problems } = checkTarget(text, { env: {}, target: '4.3' });
  assert.is(format, 'definitions');
  assert.equal(
    problems.map(({ code, path, instead }) => [code, path, instead]),
    [
      [
        'refused',
        'policies[0].definition.ha-mode',
        'the policy {"vhost":"/","name":"ha","pattern":"^ha\\\\.","apply-to":"quorum_queues","definition":{"max-length":9}}, and declare its queues (ha.orders) durable with {"x-queue-type":"quorum","x-quorum-initial-group-size":3}',
      ],
      [
        'refused',
        'policies[1].definition.ha-mode',
        'remove the policy, and declare its queues (ha.orders, tmp) durable with {"x-queue-type":"quorum"}',
      ],
      ['refused', 'policies[2].definition.queue-master-locator', '"queue-leader-locator": "client-local"'],
      ['deprecated', 'policies[2].definition.queue-mode', 'remove queue-mode'],
      [
        'warning',
        'queues[1].arguments.x-queue-type',
        'add "x-delivery-limit": -1, or set a limit and x-dead-letter-exchange',
      ],
      [
        'refused',
        'queues[2].durable',
        '"durable": true, "auto_delete": false, "arguments": {"x-expires":1800000} (or "exclusive": true if only one connection uses it)',
      ],
    ],
  );
});

test('finds nothing in text that is not JSON', () => {
  assert.equal(checkTarget('{', { env: {}, target: '4.3' }), { format: 'rascal', problems: [] });
});

function linesOf(content: unknown, target: Target): string[] {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return checkTarget(text, { env: {}, target }).problems.map(
    (problem) => `${problem.code} ${problemLine('f', problem)}`,
  );
}

test.run();
