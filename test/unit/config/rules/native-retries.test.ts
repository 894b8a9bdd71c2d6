// Tests the check of queues for retries with "native": true.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { problemsOf } from '../fixture.ts';

const prepared = { 'x-queue-type': 'quorum', 'x-delayed-retry-type': 'failed', 'x-delayed-retry-min': 1000 };
const file = (given: object, mq: object) =>
  problemsOf(
    JSON.stringify({
      vhosts: { '/': { queues: { work: { options: { arguments: given } } } } },
      publications: { work: { queue: 'work' } },
      subscriptions: { work: { queue: 'work' } },
      mq,
    }),
  ).map(({ path, message }) => `${path}: ${message}`);

const needs =
  'needs "x-queue-type": "quorum", "x-delayed-retry-type": "failed" and "x-delayed-retry-min" for native retries';

test('the queue of native retries delays failed messages', () => {
  const retry = { native: true };
  assert.equal(file(prepared, { retry }), []);
  assert.equal(file({}, { retry: { native: false } }), []);
  for (const given of [
    {},
    { 'x-queue-type': 'quorum' },
    { ...prepared, 'x-delayed-retry-type': 'all' },
    { ...prepared, 'x-delayed-retry-min': 0 },
  ]) {
    assert.equal(file(given, { retry }), [`mq.retry.native: the queue "work" ${needs}`]);
    assert.equal(file(given, { subscriptions: { work: { retry } } }), [
      `mq.subscriptions.work.retry.native: the queue "work" ${needs}`,
    ]);
    assert.equal(file(given, { roles: { r: { consume: 'work', retry } } }), [
      `mq.roles.r.retry.native: the queue "work" ${needs}`,
    ]);
  }
});

test('the queue of native retries keeps a message until its last attempt', () => {
  const retry = { native: true, attempts: 30 };
  assert.equal(file(prepared, { retry }), [
    'mq.retry.native: the queue "work" drops a message after 20 retries (x-delivery-limit), before its 30 attempts have ended',
  ]);
  assert.equal(file({ ...prepared, 'x-delivery-limit': -1 }, { retry }), []);
});

test.run();
