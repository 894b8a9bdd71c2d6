// Tests the check of exclusive consumers of queues with a single active consumer.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { problemsOf } from '../fixture.ts';

const single = { 'x-single-active-consumer': true };
const problems = (queueArguments: object, options: object, file: object = {}) =>
  problemsOf(
    JSON.stringify({
      vhosts: { '/': { queues: { work: { options: { arguments: queueArguments } } } } },
      subscriptions: { work: { queue: 'work', options } },
      ...file,
    }),
  ).map(({ path, message }) => `${path}: ${message}`);

const message =
  'the classic queue "work" has x-single-active-consumer, and RabbitMQ refuses each exclusive consumer of it; remove one of the two settings';

test('refuses an exclusive consumer of a single active consumer queue', () => {
  const refused = [`subscriptions.work.options.exclusive: ${message}`];
  assert.equal(problems(single, { exclusive: true }), refused);
  assert.equal(problems({ ...single, 'x-queue-type': 'classic' }, { exclusive: true }), refused);
  assert.equal(problems({}, { exclusive: true }), []);
  assert.equal(problems({ 'x-single-active-consumer': false }, { exclusive: true }), []);
  assert.equal(problems(single, { exclusive: false }), []);
  assert.equal(problems({ ...single, 'x-queue-type': 'quorum' }, { exclusive: true }), [], 'it ignores the flag');
});

test('reports the flag exclusive of a subscription in a vhost', () => {
  const queues = { work: { options: { arguments: single } } };
  const subscriptions = { work: { queue: 'work', options: { exclusive: true } } };
  assert.equal(problems({}, {}, { vhosts: { v: { queues, subscriptions } }, subscriptions: {} }), [
    `vhosts.v.subscriptions.work.options.exclusive: ${message}`,
  ]);
});

test('refuses the flag exclusive in the defaults of subscriptions', () => {
  const defaults = { subscriptions: { options: { exclusive: true } } };
  assert.equal(problems(single, {}, { defaults }), [`subscriptions.work.options.exclusive: ${message}`]);
});

test.run();
