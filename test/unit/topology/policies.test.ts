// Tests the comparison of policies, and the policy that makes the replacement of a queue unnecessary.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { policyDifferences, policyInstead } from '../../../src/topology/policies.ts';
import type { Topology, TopologyPolicy, TopologyQueue } from '../../../src/topology/topology.ts';
import type { WantedTopology } from '../../../src/topology/wanted.ts';

const queue = (name: string, type = 'classic', more: Partial<TopologyQueue> = {}): TopologyQueue => ({
  ...{ name, type, durable: true, autoDelete: false, exclusive: false, arguments: {} },
  ...more,
});
const limits: TopologyPolicy = {
  ...{ name: 'limits', pattern: '^q', applyTo: 'queues', priority: 1 },
  definition: { 'max-length': 5 },
};
const none: Topology = { exchanges: [], queues: [], bindings: [], policies: [] };

const wanting = (policies: readonly TopologyPolicy[], operatorPolicies: readonly TopologyPolicy[] = []) =>
  ({
    ...{ exchanges: [], bindings: [], policies, operatorPolicies },
    queues: [{ ...queue('q1'), isDeclared: true }],
  }) satisfies WantedTopology;

/** Returns `create policy limits: pattern, …` for each difference. */
function differences(wanted: WantedTopology, found: Topology): string[] {
  return policyDifferences(wanted, found).map((one) => {
    const name = one.kind === 'binding' ? '' : one.name;
    return `${one.action} ${one.kind} ${name}: ${one.attributes.map(({ attribute }) => attribute).join(', ')}`;
  });
}

test('an equal policy is no difference, in any order of its settings', () => {
  const definition = { expires: 1, 'max-length': 5 };
  const found = { ...none, policies: [{ ...limits, definition: { 'max-length': 5, expires: 1 } }] };
  assert.equal(differences(wanting([{ ...limits, definition }]), found), []);
});

test('a missing policy is created, without default attributes', () => {
  assert.equal(differences(wanting([limits, { ...limits, name: 'all', applyTo: 'all', priority: 0 }]), none), [
    'create policy limits: pattern, applyTo, priority, max-length',
    'create policy all: pattern, max-length',
  ]);
});

test('each attribute and setting that differs is updated', () => {
  const before = { ...limits, pattern: 'x', applyTo: 'all', priority: 0, definition: { expires: 1, 'max-length': 4 } };
  const found = { ...none, policies: [before] };
  assert.equal(differences(wanting([limits]), found), [
    'update policy limits: pattern, applyTo, priority, max-length, expires',
  ]);
});

test('an operator policy is compared only with operator policies', () => {
  const found = { ...none, policies: [limits] };
  assert.equal(differences(wanting([], [limits]), found), [
    'create operator-policy limits: pattern, priority, max-length',
  ]);
  assert.equal(differences(wanting([], [limits]), { ...none, operatorPolicies: [limits] }), []);
});

test('reports the queues and messages that a policy affects', () => {
  const queues = [
    queue('q1', 'classic', { counts: { messages: 3 } }),
    queue('q2', 'quorum', { counts: { messages: 4 } }),
    queue('x'),
  ];
  const risk = (policy: Partial<TopologyPolicy>) =>
    policyDifferences(wanting([{ ...limits, ...policy }]), { ...none, queues })[0]?.policyRisk;
  assert.equal(risk({}), { queues: 2, otherQueues: 1, messages: 7, removing: ['max-length'] });
  assert.equal(risk({ applyTo: 'classic_queues', definition: { overflow: 'drop-head' } }), {
    ...{ queues: 1, otherQueues: 0, messages: 3, removing: [] },
  });
  for (const policy of [{ applyTo: 'exchanges' }, { applyTo: 'streams' }, { pattern: 'no' }, { pattern: '(?|q)' }])
    assert.is(risk(policy), undefined, JSON.stringify(policy));
});

const attribute = (name: string, wanted: unknown, found: unknown = null) => {
  return { attribute: name, wanted, found, isRefused: true };
};

test('a policy sets arguments that the queue does not have, and smaller limits', () => {
  const rows = [
    attribute('x-message-ttl', 60_000),
    attribute('x-max-length', 5, 9),
    attribute('x-overflow', 'reject-publish', 'drop-head'),
    attribute('x-dead-letter-exchange', 'dead'),
  ];
  assert.equal(policyInstead(rows, queue('a.b'), []), {
    ...{ name: 'a.b', pattern: '^a\\.b$', applyTo: 'queues', priority: 0 },
    definition: { 'message-ttl': 60_000, 'max-length': 5, overflow: 'reject-publish', 'dead-letter-exchange': 'dead' },
  });
});

test('the policy contains the settings of the one that applies now', () => {
  const policies = [{ ...limits, definition: { 'max-length': 5, expires: 9 } }];
  const instead = policyInstead([attribute('x-max-length', 7)], queue('q', 'classic', { policy: 'limits' }), policies);
  assert.equal([instead?.priority, instead?.definition], [2, { 'max-length': 5, expires: 9 }]);
});

test('there is no policy for what a policy cannot set', () => {
  const impossible = [
    attribute('type', 'quorum', 'classic'),
    attribute('x-max-priority', 5),
    attribute('x-single-active-consumer', true),
    // The broker has another value, which a policy cannot remove or raise.
    attribute('x-max-length', null, 5),
    attribute('x-max-length', 9, 5),
    attribute('x-dead-letter-exchange', 'dead', 'other'),
    attribute('x-delivery-limit', 3, 5),
  ];
  for (const one of impossible) assert.is(policyInstead([one], queue('q'), []), undefined, one.attribute);
  assert.is(policyInstead([attribute('x-expires', 5), attribute('durable', true, false)], queue('q'), []), undefined);
});

test.run();
