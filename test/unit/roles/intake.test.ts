// What an intake does with a message whose channel is lost while its handler runs.

import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Outcome } from '../../../src/handlers/handler.ts';
import { Intake, type IntakeParts } from '../../../src/roles/intake.ts';
import { IntakeGroup } from '../../../src/roles/intake-group.ts';
import { messageOf } from '../../../src/roles/message.ts';
import type { Consumer, Delivery } from '../../../src/session/consumer.ts';
import { newCounts } from '../../../src/session/counts.ts';

function streamDelivery(answers: string[], state: { isLost: boolean }): Delivery {
  const fields = { exchange: '', routingKey: 's', redelivered: false, deliveryTag: 1, consumerTag: 'c' };
  const raw = {
    content: Buffer.from('x'),
    fields,
    properties: { messageId: 'one', headers: { 'x-stream-offset': 1 } },
  };
  const answer = (what: string) => {
    if (!state.isLost) answers.push(what);
    return !state.isLost;
  };
  return {
    raw,
    queue: 's',
    get isStale() {
      return state.isLost;
    },
    get isRequeued() {
      return state.isLost;
    },
    ack: () => answer('ack'),
    nack: () => answer('nack'),
    reject: () => answer('reject'),
  };
}

test('a message of a stream whose run failed on a lost channel has its next attempt', async () => {
  const counts = newCounts();
  const context = {
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    drain: new AbortController().signal,
    abandon: new AbortController().signal,
  };
  const runs: ((outcome: Outcome) => void)[] = [];
  const events = new EventEmitter();
  const settings = {
    ...{ concurrency: 1, prefetch: 1, canFail: true, warnings: [], drainMs: 0 },
    ...{ say: () => undefined, beginDrain: () => undefined },
    handler: {
      prints: 'nothing',
      handle: () =>
        new Promise<Outcome>((resolve) => {
          runs.push(resolve);
          events.emit('run');
        }),
    },
  };
  const consumer = Object.assign(new EventEmitter(), {
    queue: 's',
    start: async () => undefined,
    stop: async () => {},
  });
  const failures = {
    verdict: () => undefined,
    settle: async (_: Delivery, message: object) => ({ isDone: false, again: { ...message, attempt: 2 } }),
  };
  const group = new IntakeGroup({ context, settings, counts } as unknown as ConstructorParameters<
    typeof IntakeGroup
  >[0]);
  const parts = { context, group, consumer: consumer as unknown as Consumer, failures, settings, counts };
  const read = ({ raw, queue }: Delivery) => messageOf(raw, queue);
  const intake = new Intake({ ...parts, read, isDoomed: () => false } as unknown as IntakeParts);
  const ended = group.run([intake]);
  const answers: string[] = [];
  const lost = { isLost: false };
  consumer.emit('delivery', streamDelivery(answers, lost));
  await once(events, 'run');
  lost.isLost = true;
  runs[0]?.({ type: 'retry', reason: 'it failed' });
  await new Promise((resolve) => setImmediate(resolve));
  consumer.emit('delivery', streamDelivery(answers, { isLost: false }));
  while (runs.length < 2) await once(events, 'run');
  runs[1]?.({ type: 'ack' });
  await new Promise((resolve) => setImmediate(resolve));
  group.stop();
  await ended;
  assert.equal(answers, ['ack']);
});

test.run();
