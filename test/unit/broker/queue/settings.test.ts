// Tests the settings of a queue that follow from its arguments and its policy.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import type { Table } from '../../../../src/broker/codec/table.ts';
import { type QueueSettings, queueSettings } from '../../../../src/broker/queue/settings.ts';

interface Row {
  readonly title: string;
  readonly arguments?: Table;
  readonly policy?: Readonly<Record<string, string | number | boolean>>;
  readonly expected: Partial<QueueSettings>;
}

const quorum = { 'x-queue-type': 'quorum' };
const atLeastOnce = { ...quorum, 'x-dead-letter-strategy': 'at-least-once', 'x-dead-letter-exchange': 'dlx' };

const rows: readonly Row[] = [
  {
    title: 'a queue without arguments is classic and unlimited',
    expected: {
      type: 'classic',
      expiresMs: undefined,
      messageTtlMs: undefined,
      maxLength: undefined,
      overflow: 'drop-head',
      maxPriority: 0,
      deliveryLimit: undefined,
      isSingleActive: false,
    },
  },
  {
    title: 'a quorum queue has 32 priorities and a delivery limit',
    arguments: quorum,
    expected: { maxPriority: 31, defaultPriority: 4, deliveryLimit: 20 },
  },
  {
    title: 'a policy applies if there is no argument',
    policy: { 'max-length': 5, overflow: 'reject-publish', 'dead-letter-exchange': 'dlx' },
    expected: { maxLength: 5, overflow: 'reject-publish', deadLetterExchange: 'dlx' },
  },
  {
    title: 'a number of the policy applies if it is smaller',
    arguments: { 'x-max-length': 5, 'x-message-ttl': 100 },
    policy: { 'max-length': 3, 'message-ttl': 200 },
    expected: { maxLength: 3, messageTtlMs: 100 },
  },
  {
    title: 'dead-letter arguments have precedence over the policy',
    arguments: { 'x-dead-letter-exchange': 'a', 'x-dead-letter-routing-key': 'k' },
    policy: { 'dead-letter-exchange': 'p', 'dead-letter-routing-key': 'p' },
    expected: { deadLetterExchange: 'a', deadLetterRoutingKey: 'k' },
  },
  {
    title: 'a classic queue supports reject-publish-dlx',
    arguments: { 'x-overflow': 'reject-publish-dlx' },
    expected: { overflow: 'reject-publish-dlx' },
  },
  {
    title: 'a quorum queue treats reject-publish-dlx as drop-head',
    arguments: { ...quorum, 'x-overflow': 'reject-publish-dlx' },
    expected: { overflow: 'drop-head' },
  },
  {
    title: 'at-least-once requires reject-publish',
    arguments: { ...atLeastOnce, 'x-overflow': 'reject-publish' },
    expected: { isDeadLetteredAtLeastOnce: true },
  },
  {
    title: 'at-least-once does not apply with drop-head',
    arguments: atLeastOnce,
    expected: { isDeadLetteredAtLeastOnce: false },
  },
  {
    title: 'the smaller delivery limit applies',
    arguments: { ...quorum, 'x-delivery-limit': 7 },
    policy: { 'delivery-limit': 5 },
    expected: { deliveryLimit: 5 },
  },
  {
    title: 'a negative delivery limit means no limit',
    arguments: { ...quorum, 'x-delivery-limit': 7 },
    policy: { 'delivery-limit': -1 },
    expected: { deliveryLimit: undefined },
  },
  {
    title: 'a delivery limit that is not a number is ignored',
    arguments: { ...quorum, 'x-delivery-limit': 'seven' },
    expected: { deliveryLimit: 20 },
  },
  {
    title: 'a classic queue has no delivery limit',
    arguments: { 'x-delivery-limit': 7 },
    expected: { deliveryLimit: undefined },
  },
  {
    title: 'a single active consumer requires a boolean',
    arguments: { 'x-single-active-consumer': true },
    expected: { isSingleActive: true },
  },
];

for (const { title, arguments: values = {}, policy, expected } of rows) {
  test(title, () => {
    const settings = queueSettings(Arguments.of(values), "queue 'q' in vhost '/'", policy);
    assert.equal({ ...settings, ...expected }, settings);
  });
}

test('an unknown queue type is refused with 406', () => {
  assert.throws(
    () => queueSettings(Arguments.of({ 'x-queue-type': 'other' }), "queue 'q' in vhost '/'"),
    /PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '\/'/,
  );
});

test.run();
