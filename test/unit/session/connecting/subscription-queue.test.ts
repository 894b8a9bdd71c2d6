import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renameOwnQueues, SubscriptionQueue } from '../../../../src/session/connecting/subscription-queue.ts';

const name = 'prices';

for (const [title, queue, expected] of [
  ['knows only the name of a queue that Rascal does not configure', undefined, [name, false, false, undefined]],
  [
    'returns the arguments of a queue that mq declares',
    {
      fullyQualifiedName: name,
      assert: true,
      options: { deadLetterExchange: 'dead', arguments: { 'x-max-length': 1 } },
    },
    [name, false, false, { 'x-dead-letter-exchange': 'dead', 'x-max-length': 1 }],
  ],
  [
    'does not know the arguments of a queue that mq only uses',
    { fullyQualifiedName: name, assert: false, options: { arguments: { 'x-max-length': 1 } } },
    [name, false, false, undefined],
  ],
  [
    'recognises an exclusive queue with a random name',
    { fullyQualifiedName: name, replyTo: 'x', assert: true, options: { exclusive: true } },
    [name, true, true, {}],
  ],
  [
    'recognises an auto-delete queue',
    { fullyQualifiedName: name, assert: true, options: { autoDelete: true } },
    [name, false, true, {}],
  ],
] as const) {
  test(title, () => {
    const { name: shown, isOwn, isTransient, declaredArguments } = new SubscriptionQueue(queue, name);
    assert.equal([shown, isOwn, isTransient, declaredArguments], expected);
  });
}

for (const type of ['classic', 'quorum', 'stream']) {
  test(`knows the arguments of a ${type} queue that is only checked`, () => {
    const all = { 'x-queue-type': type, 'x-delivery-limit': 5 };
    const queue = { fullyQualifiedName: name, assert: false, options: { arguments: all } };
    const { declaredArguments } = new SubscriptionQueue(queue, name, true);
    assert.equal(declaredArguments, type === 'classic' ? { 'x-delivery-limit': 5 } : all);
  });
}

test('renames an exclusive queue with a random name after a lost connection', () => {
  const queue = { fullyQualifiedName: 'v:prices:1234', replyTo: '1234', options: { exclusive: true } };
  const shared = { fullyQualifiedName: 'v:prices', options: {} };
  renameOwnQueues({ name: 'v', connections: [], queues: { queue, shared } });
  assert.match(new SubscriptionQueue(queue, '').name, /^v:prices:[0-9a-f-]{36}$/);
  assert.is(shared.fullyQualifiedName, 'v:prices');
});

test.run();
