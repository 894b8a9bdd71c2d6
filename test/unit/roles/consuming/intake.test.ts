// Tests how an intake handles a message whose channel closes while its handler runs, and how its role ends.

import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { requeueMs } from '../../../../src/config/retry-queues.ts';
import { MqError } from '../../../../src/errors.ts';
import type { Message, Outcome } from '../../../../src/handlers/handler.ts';
import { Intake, type IntakeParts } from '../../../../src/roles/consuming/intake.ts';
import { IntakeGroup, type IntakeGroupParts } from '../../../../src/roles/consuming/intake-group.ts';
import { messageOf } from '../../../../src/roles/message.ts';
import type { Delivery } from '../../../../src/session/consumer.ts';
import { newCounts } from '../../../../src/session/counts.ts';
import { type Delivered, delivered, type Sent } from '../../../support/delivery.ts';

/** The number of deliveries after which the broker drops a message. */
const limit = 5;

/**
 * Runs an intake with a handler whose outcomes the test chooses. `flushed` resolves when the broker has received the
 * acknowledgements, and `cancelled` when it has answered basic.cancel.
 */
function started(
  failures: object,
  { flushed = Promise.resolve(), cancelled = Promise.resolve(), count = Number.POSITIVE_INFINITY } = {},
) {
  const [drain, log, runs, events] = [new AbortController(), [] as string[], [] as Run[], new EventEmitter()];
  const context = {
    ...{ stdout: new PassThrough(), stderr: new PassThrough() },
    ...{ drain: drain.signal, abandon: new AbortController().signal },
  };
  const handle = (message: Message) => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    runs.push({ attempt: message.attempt, end: resolve });
    events.emit('run');
    return promise;
  };
  const settings = {
    ...{ concurrency: 1, prefetch: 10, canFail: true, warnings: [], drainMs: 0, count },
    ...{ say: () => undefined, beginDrain: () => undefined },
    handler: { prints: 'nothing', handle },
  };
  const consumer = Object.assign(new EventEmitter(), {
    ...{ queue: 'q', start: async () => undefined },
    stop: () => {
      log.push('stop');
      return cancelled;
    },
    flush: () => {
      log.push('flush');
      return flushed;
    },
  });
  const counts = newCounts();
  const group = new IntakeGroup({ context, settings, counts } as unknown as IntakeGroupParts);
  const returns = ({ headers }: Message) => Number(headers['x-delivery-count'] ?? 0);
  const parts = {
    ...{ context, group, consumer, settings, counts },
    failures: { verdict: () => undefined, handBack: async () => void log.push('hand back'), ...failures },
    read: ({ raw, queue }: Delivery) => messageOf(raw, queue),
    isNearlyDropped: (message: Message) => returns(message) >= limit - 1,
    isLastReturn: (message: Message) => returns(message) >= limit,
  };
  const ended = group.run([new Intake(parts as unknown as IntakeParts)]);
  return {
    ...{ ended, group, drain, log, runs },
    /** Delivers a message. */
    deliver: async (sent: Sent, answers?: string[]): Promise<Delivered> => {
      const made = delivered(sent, answers);
      consumer.emit('delivery', made.delivery);
      await turn();
      return made;
    },
    lose: (...lost: readonly Delivered[]) => {
      for (const { state } of lost) state.isLost = true;
      consumer.emit('interrupted', new MqError('UNAVAILABLE', 'the connection is lost'));
    },
    run: async (number: number): Promise<Run> => {
      while (runs.length < number) await once(events, 'run');
      return runs[number - 1] as Run;
    },
  };
}

/** A run of the handler. `end` ends it with an outcome. */
interface Run {
  readonly attempt: number;
  readonly end: (outcome: Outcome) => void;
}

const copy = (count: number): Sent => ({ id: 'one', redelivered: true, headers: { 'x-delivery-count': count } });

test('a failed message of a stream on a lost channel is retried', async () => {
  const intake = started({
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
  const intake = started({
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
  const intake = started({
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
  const intake = started({ verdict: () => ({ type: 'renew' }), act: async () => undefined });
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
  const intake = started({}, { flushed: flushed.promise });
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
    const intake = started({});
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
  const intake = started({}, { cancelled: cancelled.promise, count: 1 });
  await intake.deliver({}, intake.log);
  (await intake.run(1)).end({ type: 'ack' });
  await turn();
  assert.equal(intake.log, ['stop', 'ack']);
  cancelled.resolve();
  await intake.ended;
});

test.run();
