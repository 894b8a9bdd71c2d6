// Tests that the comparison detects every kind of difference.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Expected, verdictOf } from './differences.ts';
import { normalise } from './normalise.ts';

const comparison = suite('comparison');

/** Returns the problems of one job with RabbitMQ's answer `there` and mq's answer `here`. */
function problemsOf(there: unknown, here: unknown, list: readonly Expected[] = []): readonly string[] {
  const [reference, ours] = [there, here].map((answer) => new Map(answer === undefined ? [] : [['job', answer]]));
  const none = new Map<string, unknown>();
  return verdictOf({ client: 'x', rabbitmq: '4.3', reference: reference ?? none, ours: ours ?? none }, list).problems;
}

const listed = (answer: unknown, rabbitmq?: string): Expected[] => [
  { reason: 'why', mq: { x: { job: answer }, other: { elsewhere: 1 } }, ...(rabbitmq !== undefined && { rabbitmq }) },
];

comparison('accepts equal answers', () => {
  assert.equal(problemsOf({ a: 1 }, { a: 1 }), []);
});

comparison('accepts a listed difference', () => {
  assert.equal(problemsOf(1, 2, listed(2)), []);
  assert.equal(problemsOf(1, 2, listed(2, '4.3')), []);
});

comparison('reports a difference that is not listed', () => {
  assert.equal(problemsOf(1, 2), ['job: RabbitMQ 4.3 1, mq 2']);
});

comparison('reports a difference that is listed for another version', () => {
  assert.equal(problemsOf(1, 2, listed(2, '4.0')), ['job: RabbitMQ 4.3 1, mq 2']);
  assert.equal(problemsOf(1, 1, listed(2, '4.0')), []);
});

comparison('reports a difference that is listed with another answer', () => {
  assert.equal(problemsOf(1, 3, listed(2)), ['job: differs from the list: listed 2, mq 3']);
});

comparison('reports a listed job with equal answers', () => {
  assert.equal(problemsOf(1, 1, listed(2)), ['job: is listed, but does not differ: 1']);
});

comparison('reports a job that only one broker has', () => {
  assert.equal(problemsOf(1, undefined), ['job: RabbitMQ 4.3 1, mq has no such job']);
  assert.equal(problemsOf(undefined, 1), ['job: RabbitMQ 4.3 has no such job, mq 1']);
});

comparison('reports a listed job that does not exist', () => {
  assert.equal(problemsOf(undefined, undefined, listed(2)), ['job: is listed, but does not differ: has no such job']);
});

comparison('replaces names and times of a run in an answer', () => {
  const answer = {
    time: 1700000000,
    queue: 'run1234-17.name',
    named: ['amq.gen-0123456789abcdefghij_-', 'amq.ctag-0123456789abcdefghij_-'],
    replyTo: 'amq.rabbitmq.reply-to.g1h2AA5yZXBseUA0NTk3+/==.key',
    text: "user_id property set to 'x' but authenticated user was 'guest'",
    timestamp: 1,
  };
  assert.is(
    JSON.stringify(normalise(answer, { prefix: 'run1234', user: 'guest' })),
    JSON.stringify({
      named: ['amq.gen-<random>', 'amq.ctag-<random>'],
      queue: '<run>.name',
      replyTo: 'amq.rabbitmq.reply-to.<token>',
      text: "user_id property set to 'x' but authenticated user was '<user>'",
      time: '<time>',
      timestamp: 1,
    }),
  );
});

comparison.run();
