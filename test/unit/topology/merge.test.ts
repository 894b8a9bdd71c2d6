// Merges vhosts of rascal.json that are one vhost on the broker.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mergedTopology } from '../../../src/topology/merge.ts';
import type { WantedQueue, WantedTopology } from '../../../src/topology/wanted.ts';

const empty: WantedTopology = { exchanges: [], queues: [], bindings: [], policies: [], operatorPolicies: [] };
const queue: WantedQueue = {
  ...{ name: 'q', type: 'quorum', durable: true, autoDelete: false, exclusive: false },
  ...{ arguments: { 'x-max-length': 5 }, isDeclared: true },
};
const binding = { source: 'e', destination: 'q', destinationType: 'queue', key: 'k', arguments: { n: 1 } } as const;
const policy = { name: 'p', pattern: '.*', applyTo: 'all', priority: 0, definition: { 'max-length': 5 } };

function merge(one: Partial<WantedTopology>, other: Partial<WantedTopology>): WantedTopology {
  return mergedTopology([
    { name: 'a', wanted: { ...empty, ...one } },
    { name: 'b', wanted: { ...empty, ...other } },
  ]);
}

test('equal objects are listed once', () => {
  const own = { ...empty, queues: [queue], bindings: [binding], policies: [policy] };
  assert.equal(merge(own, structuredClone(own)), own);
});

test('objects of other names are kept', () => {
  const { queues, bindings } = merge(
    { queues: [queue], bindings: [binding] },
    { queues: [{ ...queue, name: 'r' }], bindings: [{ ...binding, arguments: { n: 2 } }] },
  );
  assert.equal([queues.map(({ name }) => name), bindings.length], [['q', 'r'], 2]);
});

test('a definition that is declared precedes one that is not', () => {
  const foreign = { ...queue, arguments: {}, isDeclared: false };
  assert.equal(merge({ queues: [foreign] }, { queues: [queue] }).queues, [queue]);
  assert.equal(merge({ queues: [queue] }, { queues: [foreign] }).queues, [queue]);
});

test('different definitions are refused', () => {
  const other = { ...queue, arguments: {} };
  assert.throws(
    () => merge({ queues: [queue] }, { queues: [other] }),
    /^the vhosts 'a' and 'b' of rascal.json define the queue 'q' differently, and are one vhost on the broker$/,
  );
  assert.throws(
    () => merge({ policies: [policy] }, { policies: [{ ...policy, priority: 1 }] }),
    /define the policy 'p' differently/,
  );
});

test.run();
