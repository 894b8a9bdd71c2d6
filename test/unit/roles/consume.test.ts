import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../../src/context.ts';
import type { MqError } from '../../../src/errors.ts';
import { consume } from '../../../src/roles/consume.ts';
import type { ConsumeSettings } from '../../../src/roles/consuming/settings.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { Session } from '../../../src/session/session.ts';
import { until } from '../../support/until.ts';

type Step = 'consumer' | 'outcomes' | 'start' | 'stop';
const never = new Promise<never>(() => undefined);

/** Starts a role whose handler fails. At the step `held` it waits for the broker, and `reached` resolves. */
function starting(held?: Step) {
  const [drain, abandon] = [new AbortController(), new AbortController()];
  const reached = Promise.withResolvers<void>();
  const seen = { stopped: 0, said: [] as string[] };
  const at = <T>(step: Step, value: T): Promise<T> => {
    if (step !== held) return Promise.resolve(value);
    reached.resolve();
    return never;
  };
  const consumer = Object.assign(new EventEmitter(), {
    queue: 'q',
    hasOwnQueue: false,
    start: () => at('start', undefined),
    declaredArguments: { 'x-queue-type': 'stream' },
    stop: () => {
      seen.stopped += 1;
      return at('stop', undefined);
    },
  });
  const session = {
    counts: newCounts(),
    consumer: () => at('consumer', { consumer, vhost: '/' }),
    outcomePublisher: () => at('outcomes', { publisher: {}, declared: new Set(), dead: undefined }),
  };
  const context = { stdout: new PassThrough(), drain: drain.signal, abandon: abandon.signal };
  const settings = {
    behaviour: 'consume',
    sources: [{ subscription: 's', queue: 'q', retry: { attempts: 3, delays: [3_600_000] } }],
    prefetch: 10,
    concurrency: 1,
    untilEmpty: false,
    offsets: { start: undefined, file: undefined, name: undefined },
    intervalMs: undefined,
    drainMs: 25_000,
    json: false,
    handler: { prints: 'role', handle: async () => ({ type: 'retry', reason: 'it failed' }) },
    canFail: true,
    warnings: [],
    say: ({ event }: { event: string }) => seen.said.push(event),
    beginDrain: () => undefined,
  };
  const role = consume(
    context as unknown as Context,
    session as unknown as Session,
    settings as unknown as ConsumeSettings,
  );
  return { role, drain, abandon, consumer, stdout: context.stdout, reached: reached.promise, seen };
}

for (const [step, stopped] of [
  ['consumer', 0],
  ['outcomes', 0],
  ['start', 1],
] as const) {
  test(`a signal ends a role that waits for the broker at its start (${step})`, async () => {
    const { role, drain, reached, seen } = starting(step);
    await reached;
    drain.abort('SIGTERM');
    await role;
    assert.equal(seen, { stopped, said: [] });
  });
}

test('an aborted role does not wait for basic.cancel-ok', async () => {
  const { role, drain, abandon, reached, seen } = starting('stop');
  await until('the role consumes', () => seen.said.includes('consuming'));
  drain.abort('SIGTERM');
  await reached;
  abandon.abort();
  assert.is(await role.catch(({ code }: MqError) => code), 'TERMINATED');
});

test('a closed stdout ends the pause before the next attempt', async () => {
  const { role, consumer, stdout, seen } = starting();
  const answers: string[] = [];
  const fields = { exchange: '', routingKey: 'q', redelivered: false, deliveryTag: 1, consumerTag: 'c' };
  const raw = { content: Buffer.from('x'), fields, properties: { headers: {} } };
  await until('the role consumes', () => seen.said.includes('consuming'));
  consumer.emit('delivery', { raw, queue: 'q', nack: () => answers.push('nack') });
  await until('the message waits for its next attempt', () => seen.said.includes('retry'));
  stdout.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await until('the message is requeued', () => answers.length > 0);
  await role;
  assert.equal(answers, ['nack']);
});

test.run();
