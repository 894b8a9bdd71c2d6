import { EventEmitter } from 'node:events';
import type { Channel, RawMessage } from 'amqplib/callback_api';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MqError } from '../../../src/errors.ts';
import { Consumer } from '../../../src/session/consumer.ts';
import { newCounts } from '../../../src/session/counts.ts';
import { failureOf } from '../../../src/session/failure.ts';
import type { Link } from '../../../src/session/link.ts';
import { until } from '../../support/until.ts';

/** What the broker does at basic.consume: 'closes' says consume-ok and closes the channel in one packet. */
type Answer = 'ok' | 'closes' | 'loses' | Error;

function consuming(answers: readonly Answer[], { declared = {}, watchMs = 60_000, addresses = 1 }: Given = {}) {
  const seen = { consumed: 0, asked: 0, looks: 0, interrupted: [] as string[] };
  const link = new EventEmitter();
  const channel = async (): Promise<Channel> => {
    const made = new EventEmitter();
    let isClosed = false;
    const gone = () => {
      isClosed = true;
      made.emit('close');
    };
    return Object.assign(made, {
      prefetch: (_: number, __: boolean, next: (error: null) => void) => next(null),
      consume: (
        _: string,
        __: (raw: RawMessage) => void,
        ___: object,
        next: (error: Error | null, ok: object) => void,
      ) => {
        const answer = answers[seen.consumed] ?? 'ok';
        seen.consumed += 1;
        if (answer instanceof Error || answer === 'loses') {
          next(answer instanceof Error ? answer : new Error('Channel closed'), {});
          gone();
          if (answer === 'loses') link.emit('lost');
          return;
        }
        next(null, { consumerTag: 'tag' });
        if (answer === 'closes') gone();
      },
      checkQueue: (_: string, next: (error: null, ok: object) => void) => {
        seen.looks += 1;
        next(null, { consumerCount: 0, messageCount: 0 });
      },
      get: (_: string, __: object, next: (error: null, raw: false) => void) => {
        seen.asked += 1;
        next(null, false);
      },
      cancel: (_: string, next: () => void) => next(),
      close: () => {
        if (isClosed) throw new Error('IllegalOperationError: Channel closed');
        gone();
      },
    }) as unknown as Channel;
  };
  const fake = Object.assign(link, {
    channel,
    answered: (_: string, answer: Promise<unknown>) => answer,
    queueOf: () => 'q',
    declaredArguments: () => declared ?? undefined,
    isTransient: () => false,
    addresses,
  });
  const counts = newCounts();
  const consumer = new Consumer(fake as unknown as Link, {
    vhost: '/',
    subscription: 's',
    prefetch: 10,
    options: {},
    watchMs,
    quietMs: 4,
    counts,
    redact: (text) => text,
  });
  consumer.on('interrupted', ({ message }: MqError) => seen.interrupted.push(message));
  return { consumer, seen, counts };
}
interface Given {
  /** null: nobody knows them. */
  declared?: Readonly<Record<string, unknown>> | null;
  watchMs?: number;
  addresses?: number;
}

test('a channel that closes in the packet of consume-ok is set up again', async () => {
  const { consumer, seen, counts } = consuming(['closes']);
  await consumer.start();
  await until('it consumes again', () => seen.consumed === 2 && counts.consumers === 1);
  await consumer.stop();
  assert.equal(seen.interrupted, ['the connection to the broker was lost (channel closed)']);
});

test('after a lost connection an exclusive consumer waits until the broker has forgotten the former one', async () => {
  const inUse = new Error(
    `Operation failed: BasicConsume; 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"`,
  );
  const { consumer, seen, counts } = consuming(['closes', inUse, inUse]);
  const said: string[] = [];
  consumer.on('fatal', ({ message }) => said.push(`fatal: ${message}`));
  consumer.on('standby', ({ message }) => said.push(message));
  consumer.on('active', () => said.push('active'));
  await consumer.start();
  await until('it consumes again', () => seen.consumed === 4 && counts.consumers === 1);
  await consumer.stop();
  assert.equal(said, ["the queue 'q' in vhost '/' has an exclusive consumer", 'active']);
});

for (const [code, text] of [
  ['UNAVAILABLE', "PRECONDITION_FAILED - cannot declare queue 'a': queue limit in vhost 'v' (0) is reached"],
  ['UNAVAILABLE', "NOT_ALLOWED - number of channels opened on node 'n' has reached the maximum allowed limit of (9)"],
  ['UNAVAILABLE', "NOT_FOUND - queue 'q' in vhost '/' process is stopped by supervisor"],
  ['UNAVAILABLE', "NOT_FOUND - failed to perform operation on queue 'q' in vhost '/' due to timeout"],
  [
    'UNAVAILABLE',
    'PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 4000 ms.',
  ],
  ['TOPOLOGY', "NOT_FOUND - no queue 'q' in vhost '/'"],
  ['NOT_PERMITTED', "ACCESS_REFUSED - read access to queue 'q' in vhost '/' refused for user 'u'"],
] as const) {
  test(`${code}: ${text}`, () => {
    const error = new Error(`Operation failed: BasicConsume; 4xx with message "${text}"`);
    assert.is(failureOf(error, (clear) => clear).code, code);
  });
}

test('a node that goes before consume-ok is asked once more, where it is the only one', async () => {
  const { consumer, seen } = consuming(['loses']);
  await consumer.start();
  await consumer.stop();
  assert.is(seen.consumed, 2);
});

test('a node that goes each time is not asked for ever', async () => {
  const { consumer, seen } = consuming(['loses', 'loses', 'loses']);
  const error = await consumer.start().catch((error: MqError) => error);
  assert.is((error as MqError).code, 'UNAVAILABLE');
  assert.is(seen.consumed, 2);
});

test('an idle queue is asked', async () => {
  const { consumer, seen } = consuming([]);
  await consumer.start();
  await until('it has asked', () => seen.asked > 2);
  await consumer.stop();
});

for (const [what, declared] of [
  ['of a single active consumer', { 'x-single-active-consumer': true }],
  ['that is a stream', { 'x-queue-type': 'stream' }],
  ['that only the broker knows', null],
] as const) {
  test(`a queue ${what} is not asked`, async () => {
    const { consumer, seen } = consuming([], { declared, watchMs: 5 });
    await consumer.start();
    // A deaf consumer begins anew at every second look, and looks go on.
    await until('time has gone by', () => seen.looks > 12);
    await consumer.stop();
    assert.is(seen.asked, 0);
  });
}

test.run();
