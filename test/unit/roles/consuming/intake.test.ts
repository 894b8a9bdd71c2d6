// Tests how an intake handles a message whose channel closes while its handler runs, and how its role ends.

import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { requeueMs } from '../../../../src/config/retry-queues.ts';
import { MqError } from '../../../../src/errors.ts';
import type { Message } from '../../../../src/handlers/handler.ts';
import type { Delivery } from '../../../../src/session/consumer.ts';
import type { Sent } from '../../../support/delivery.ts';
import { limit, startIntake } from '../../../support/intake.ts';

const copy = (count: number): Sent => ({ id: 'one', redelivered: true, headers: { 'x-delivery-count': count } });

test('a failed message of a stream on a lost channel is retried', async () => {
  const intake = startIntake({
    settle: async (_: Delivery, message: Message) => ({ isDone: false, nextAttempt: { ...message, attempt: 2 } }),
  });
  const sent = { id: 'one', headers: { 'x-stream-offset': 1 } };
  const first = await intake.deliver(sent);
  first.state.isLost = true;
  (await intake.run(1)).end({ type: 'retry', reason: 'it failed' });
  await turn();
  const second = await intake.deliver(sent);
  (await intake.run(2)).end({ type: 'ack' });
  await turn();
  intake.group.stop();
  await intake.ended;
  assert.equal([first.state.answers, second.state.answers], [[], ['ack']]);
});

test('lost connections during a run do not count as attempts', async () => {
  const failed: number[] = [];
  const intake = startIntake({
    settle: async (_: Delivery, { attempt }: Message) => {
      failed.push(attempt);
      return { isDone: true };
    },
  });
  let last = await intake.deliver({ id: 'one' });
  for (const count of [1, 2]) {
    intake.lose(last);
    last = await intake.deliver(copy(count));
  }
  intake.lose(last);
  (await intake.run(1)).end({ type: 'retry', reason: 'it failed' });
  await turn();
  await intake.deliver(copy(3));
  intake.group.stop();
  await intake.ended;
  assert.equal([failed, intake.runs.length], [[1], 1]);
});

test('republishes a message that the broker would drop, but not a running one', async () => {
  const renewed: string[] = [];
  const intake = startIntake({
    verdict: ({ isNearlyDropped }: { isNearlyDropped: boolean }) => (isNearlyDropped ? { type: 'renew' } : undefined),
    act: async ({ delivery, message }: { delivery: Delivery; message: Message }) => {
      renewed.push(`${message.body} ${message.headers['x-delivery-count']} ${message.attempt}`);
      delivery.ack();
      return { isDone: true };
    },
  });
  const first = await intake.deliver({ id: 'one' });
  intake.lose(first);
  const joined = await intake.deliver(copy(limit - 1));
  const other = await intake.deliver({ ...copy(limit - 1), id: 'two', body: 'other' });
  assert.equal([renewed, other.state.answers], [[`other ${limit - 1} ${limit}`], ['ack']]);
  intake.lose(joined);
  const last = await intake.deliver(copy(limit));
  assert.equal([renewed.length, last.state.answers], [2, ['ack']]);
  (await intake.run(1)).end({ type: 'ack' });
  intake.group.stop();
  await intake.ended;
  assert.is(intake.runs.length, 1);
});

test('a message that cannot be republished waits for its handler', async () => {
  const intake = startIntake({ verdict: () => ({ type: 'renew' }), act: async () => undefined });
  const first = await intake.deliver({ id: 'one' });
  const second = await intake.deliver({ ...copy(limit), id: 'two' });
  assert.is(intake.runs.length, 1);
  for (const number of [1, 2]) (await intake.run(number)).end({ type: 'ack' });
  await turn();
  intake.group.stop();
  await intake.ended;
  assert.equal([first.state.answers, second.state.answers], [['ack'], ['ack']]);
});

test('sends earlier acknowledgements before it handles a suspect', async () => {
  const flushed = Promise.withResolvers<void>();
  const intake = startIntake({}, { flushed: flushed.promise });
  const fresh = await intake.deliver({ id: 'fresh' });
  (await intake.run(1)).end({ type: 'ack' });
  await turn();
  assert.equal([fresh.state.answers, intake.log], [['ack'], []]);
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    await intake.deliver({ id: 'suspect', headers: { 'x-mq-unfinished': 1, 'x-mq-queue': 'q' } });
    mock.timers.tick(1000);
    await turn();
    assert.equal([intake.log, intake.runs.length], [['flush'], 1]);
  } finally {
    mock.timers.reset();
  }
  flushed.resolve();
  (await intake.run(2)).end({ type: 'ack' });
  await turn();
  intake.group.stop();
  await intake.ended;
});

test('requeues the message of a failed handler after a pause or a signal', async () => {
  for (const isSignalled of [false, true]) {
    const intake = startIntake({});
    await intake.deliver({});
    const { end } = await intake.run(1);
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      end({ type: 'stop', error: new MqError('SYSTEM', 'it cannot run') });
      await turn();
      assert.equal(intake.log, ['stop']);
      if (isSignalled) intake.drain.abort();
      else mock.timers.tick(requeueMs);
      await intake.ended.catch(() => undefined);
      assert.equal(intake.log, ['stop', 'hand back']);
    } finally {
      mock.timers.reset();
    }
  }
});

test('a role that stops cancels its consumer before it acknowledges', async () => {
  const cancelled = Promise.withResolvers<void>();
  const intake = startIntake({}, { cancelled: cancelled.promise, settings: { count: 1 } });
  await intake.deliver({}, intake.log);
  (await intake.run(1)).end({ type: 'ack' });
  await turn();
  assert.equal(intake.log, ['stop', 'ack']);
  cancelled.resolve();
  await intake.ended;
});

test('a refused reply fails the attempt, and the role continues', async () => {
  const failures: object[] = [];
  const settle = async (_: Delivery, _message: Message, failure: object) => {
    failures.push(failure);
    return { isDone: true };
  };
  const publish = async () => ({ type: 'refused', error: new MqError('REFUSED', 'the queue is full') });
  const settings = { behaviour: 'reply', mayReplyTo: () => true };
  const intake = startIntake({ settle }, { settings, parts: { publisher: { publish }, nextId: () => 'id' } });
  const request = { id: 'one', replyTo: 'answers' };
  const lost = await intake.deliver(request);
  (await intake.run(1)).end({ type: 'ack' });
  intake.lose(lost);
  await turn();
  assert.equal(failures, []);
  intake.resume();
  await intake.deliver({ ...request, redelivered: true });
  assert.equal(failures, [{ type: 'retry', reason: 'the reply cannot be sent: the queue is full' }]);
  intake.group.stop();
  await intake.ended;
  assert.is(intake.runs.length, 1);
});

test.run();
