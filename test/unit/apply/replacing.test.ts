// Which of the queues of --replace are replaced.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { replacedQueues, replacingSteps } from '../../../src/apply/replacing.ts';
import type { Difference } from '../../../src/topology/difference.ts';

const place = { vhost: '/', name: '/' };
const queue = (name: string) => ({
  name,
  type: 'quorum',
  durable: true,
  autoDelete: false,
  exclusive: false,
  arguments: {},
});

/** Returns a vhost in which the queue `orders` differs in this way, and the broker has these queues. */
function compared(action: Difference['action'] | undefined, found: readonly string[]) {
  const wanted = { exchanges: [], queues: [{ ...queue('orders'), isDeclared: true }], bindings: [] };
  const difference = {
    kind: 'queue' as const,
    name: 'orders',
    exists: found.includes('orders'),
    attributes: [],
    why: '',
  };
  return {
    place,
    wanted: { ...wanted, policies: [], operatorPolicies: [] },
    topology: { exchanges: [], queues: found.map(queue), bindings: [], policies: [] },
    differences: action === undefined ? [] : [{ ...difference, action }],
  };
}

test('a queue that differs is replaced, and one without a difference is not', () => {
  assert.equal(replacedQueues(compared('replace', ['orders']), ['orders']), ['orders']);
  assert.equal(replacedQueues(compared('replace', ['orders']), []), []);
  assert.equal(replacedQueues(compared(undefined, ['orders']), ['orders']), []);
  assert.equal(replacedQueues(compared('blocked', ['orders']), ['orders']), []);
});

test('a queue that does not exist is created, and not replaced', () => {
  assert.equal(replacedQueues(compared('create', []), ['orders']), []);
  assert.equal(replacingSteps(compared('create', []), ['orders']), []);
});

test('an interrupted replacement is finished, also if the queue is missing', () => {
  for (const [action, found] of [
    ['create', ['orders.mq-replace']],
    [undefined, ['orders', 'orders.mq-replace']],
  ] as const)
    assert.equal(
      replacingSteps(compared(action, found), ['orders']).map(({ action, object }) => [action, object]),
      [['replace', { kind: 'queue', name: 'orders' }]],
    );
});

test.run();
