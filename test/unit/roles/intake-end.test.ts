// What an intake does when its role ends.

import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { requeueMs } from '../../../src/config/retry-queues.ts';
import { MqError } from '../../../src/errors.ts';
import type { Outcome } from '../../../src/handlers/handler.ts';
import { Intake, type IntakeParts } from '../../../src/roles/intake.ts';
import { messageOf } from '../../../src/roles/message.ts';
import type { Delivery } from '../../../src/session/consumer.ts';
import { newCounts } from '../../../src/session/counts.ts';

/** An intake with one message in its handler. */
function withOneMessage() {
  const outcome = Promise.withResolvers<Outcome>();
  const handled = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const drain = new AbortController();
  const log: string[] = [];
  const consumer = Object.assign(new EventEmitter(), {
    queue: 'q',
    start: async () => undefined,
    stop: async () => void log.push('stop'),
  });
  const group = {
    ...{ isStopping: false, giveUp: new AbortController().signal, ended: ended.promise },
    ...{ join: () => undefined, open: () => undefined, arrived: () => undefined, tally: () => undefined },
    ...{ rest: () => undefined, handled: () => undefined },
    fill: () => void intake.begin(0),
    stop: () => {
      group.isStopping = true;
      ended.resolve();
    },
    fail: () => group.stop(),
  };
  const handle = () => {
    handled.resolve();
    return outcome.promise;
  };
  const parts = {
    context: { drain: drain.signal, abandon: new AbortController().signal },
    ...{ group, consumer, counts: newCounts(), isDoomed: () => false },
    read: (delivery: Delivery) => messageOf(delivery.raw, delivery.queue),
    failures: { verdict: () => undefined, handBack: async () => void log.push('hand back') },
    settings: {
      ...{ behaviour: 'consume', prefetch: 10, canFail: true, say: () => undefined },
      handler: { prints: 'handler', handle },
    },
  };
  const intake = new Intake(parts as unknown as IntakeParts);
  const run = intake.run();
  const raw = { content: Buffer.from('x'), fields: { deliveryTag: 1, exchange: '', routingKey: 'q' }, properties: {} };
  consumer.emit('delivery', { raw, queue: 'q', isRequeued: false, isStale: false, ack: () => true, nack: () => true });
  return { run, handled: handled.promise, outcome, group, drain, log };
}

test('the message of a handler that ends the role goes back after a pause, which a signal cuts short', async () => {
  for (const isSignalled of [false, true]) {
    const { run, handled, outcome, drain, log } = withOneMessage();
    await handled;
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      outcome.resolve({ type: 'stop', error: new MqError('SYSTEM', 'it cannot run') });
      await turn();
      assert.equal(log, ['stop']);
      if (isSignalled) drain.abort();
      else mock.timers.tick(requeueMs);
      await run;
      assert.equal(log, ['stop', 'hand back']);
    } finally {
      mock.timers.reset();
    }
  }
});

test.run();
