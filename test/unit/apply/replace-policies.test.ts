// Policies and arguments of the queues of a replacement.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  capacityOf,
  holdingArguments,
  isCertain,
  mayHoldBack,
  possiblyRemovingPolicy,
  removingPolicy,
} from '../../../src/apply/replace-policies.ts';
import type { Plain } from '../../../src/config/plain.ts';

const policy = (definition: Plain, { pattern = '.*', applyTo = 'queues', priority = 0, name = 'p' } = {}) => {
  return { name, pattern, applyTo, priority, definition };
};
const none = { policies: [], operatorPolicies: [] };
const queue = (all: Plain, type = 'classic') => ({ name: 'orders', type, arguments: all });

test('a holding queue has neither limits nor a TTL, but the dead-letter target', () => {
  const all = { 'x-message-ttl': 1, 'x-max-length': 2, 'x-expires': 3, 'x-dead-letter-exchange': 'dead' };
  const expected = { 'x-queue-type': 'classic', 'x-dead-letter-exchange': 'dead' };
  assert.equal(holdingArguments(queue(all), { type: 'classic' }, none), expected);
});

test('a holding queue is a quorum queue if the old or the new queue is one', () => {
  for (const [found, wanted] of [
    ['quorum', 'classic'],
    ['classic', 'quorum'],
  ] as const)
    assert.equal(holdingArguments(queue({}, found), { type: wanted }, none), {
      'x-queue-type': 'quorum',
      'x-delivery-limit': 1_000_000,
    });
});

test('a holding queue has the dead-letter target that a policy sets', () => {
  const policies = [policy({ 'dead-letter-exchange': 'dead', 'dead-letter-routing-key': 'k' })];
  assert.equal(
    holdingArguments(queue({ 'x-dead-letter-exchange': 'own' }), { type: 'classic' }, { ...none, policies }),
    {
      'x-queue-type': 'classic',
      'x-dead-letter-exchange': 'own',
      'x-dead-letter-routing-key': 'k',
    },
  );
});

test('a holding queue keeps dead-lettering that loses nothing', () => {
  const all = { 'x-dead-letter-exchange': 'dead', 'x-dead-letter-strategy': 'at-least-once' };
  const { 'x-delivery-limit': _, ...others } = holdingArguments(queue(all, 'quorum'), { type: 'quorum' }, none);
  assert.equal(others, { 'x-queue-type': 'quorum', ...all, 'x-overflow': 'reject-publish' });
});

test('finds the policy with the highest priority that removes messages', () => {
  const short = policy({ 'message-ttl': 1 }, { name: 'short' });
  const long = policy({ 'dead-letter-exchange': 'dead' }, { name: 'long', priority: 1 });
  const other = policy({ expires: 1 }, { pattern: '^other' });
  const quorumOnly = policy({ expires: 1 }, { applyTo: 'quorum_queues' });
  assert.is(removingPolicy(queue({}), { ...none, policies: [other, quorumOnly, short] }), 'short');
  assert.is(removingPolicy(queue({}), { ...none, policies: [short, long] }), undefined);
  assert.is(removingPolicy(queue({}), { policies: [long], operatorPolicies: [short] }), 'short');
});

test('a pattern that only PCRE supports hides no policy of lower priority', () => {
  const unknown = policy({ 'queue-mode': 'lazy' }, { pattern: '(?i)^billing', priority: 10, name: 'unknown' });
  const family = policy({ 'max-length': 2 }, { priority: 1, name: 'family' });
  const hidden = policy({ 'message-ttl': 1 }, { name: 'hidden' });
  const all = { ...none, policies: [hidden, family, unknown] };
  assert.is(removingPolicy(queue({}), all), undefined);
  assert.is(possiblyRemovingPolicy(queue({}), all), 'family');
  assert.is(isCertain(queue({}), all, 'family'), false);
  assert.equal(capacityOf(queue({}), all), { messages: 2, bytes: Infinity });
  assert.equal(capacityOf({ ...queue({}), policySettings: {} }, all), { messages: Infinity, bytes: Infinity });
});

test('policies are certain if the broker names the one that patterns select', () => {
  const all = { ...none, policies: [policy({ 'max-length': 2 })] };
  assert.is(isCertain(queue({}), all, 'p'), true);
  assert.is(isCertain(queue({}), all, undefined), false);
  assert.is(isCertain(queue({}), none, undefined), true);
  const same = [policy({ 'max-length': 2 }), policy({ 'queue-mode': 'lazy' }, { name: 'other' })];
  assert.is(isCertain(queue({}), { ...none, policies: same }, 'p'), false);
});

test('only some quorum queues may hold messages back', () => {
  const all = { ...none, policies: [policy({ 'delayed-retry-type': 'all' })] };
  assert.is(mayHoldBack(queue({}, 'quorum'), none), false);
  assert.is(mayHoldBack(queue({}, 'quorum'), all), true);
  assert.is(mayHoldBack(queue({ 'x-dead-letter-strategy': 'at-least-once' }, 'quorum'), none), true);
  assert.is(mayHoldBack(queue({ 'x-dead-letter-strategy': 'at-least-once' }), all), false);
});

test('the smallest limit of arguments and policies is the capacity', () => {
  const policies = [policy({ 'max-length': 7, 'max-length-bytes': 100 })];
  const operatorPolicies = [policy({ 'max-length': 5 })];
  const all = { policies, operatorPolicies };
  assert.equal(capacityOf(queue({ 'x-max-length': 9 }), all), { messages: 5, bytes: 100 });
  assert.equal(capacityOf(queue({}), none), { messages: Infinity, bytes: Infinity });
});

test.run();
