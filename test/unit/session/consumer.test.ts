import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MqError } from '../../../src/errors.ts';
import type { Channel } from '../../../src/session/channel.ts';
import type { BrokerConnection } from '../../../src/session/connecting/broker-connection.ts';
import { Consumer, type Delivery } from '../../../src/session/consumer.ts';
import { newCounts } from '../../../src/session/counts.ts';
import { failureOf } from '../../../src/session/failure.ts';
import type { RawMessage } from '../../../src/session/raw-message.ts';
import { turn } from '../../../src/time.ts';
import { until } from '../../support/until.ts';

/**
 * Reaction of the broker to basic.consume. 'closes' sends consume-ok and closes the channel in one packet. 'loses'
 * loses the connection.
 */
type Answer = 'ok' | 'closes' | 'loses' | Error;

function consuming(
  answers: readonly Answer[],
  { declared = {}, watchMs = 60_000, addresses = 1, messageCount = 0, prefetch = 10, held }: Given = {},
) {
  const release = Promise.withResolvers<void>();
  const at = async (step: Step, go: () => void) => {
    if (step === held) await release.promise;
    go();
  };
  const seen = { consumed: 0, closed: 0, asked: 0, looks: 0, interrupted: [] as string[], answers: [] as string[] };
  const consumers: { options: object; deliver: (raw: RawMessage) => void; channel: Channel }[] = [];
  const connection = new EventEmitter();
  const channel = async (): Promise<Channel> => {
    await at('channel', () => undefined);
    const made = new EventEmitter();
    let isClosed = false;
    const gone = () => {
      isClosed = true;
      made.emit('close');
    };
    return Object.assign(made, {
      prefetch: (_: number, __: boolean, next: (error: null) => void) => at('prefetch', () => next(null)),
      consume: (
        _: string,
        deliver: (raw: RawMessage) => void,
        options: object,
        next: (error: Error | null, ok: object) => void,
      ) => {
        consumers.push({ options, deliver, channel: made as unknown as Channel });
        const answer = answers[seen.consumed] ?? 'ok';
        seen.consumed += 1;
        if (answer instanceof Error || answer === 'loses') {
          next(answer instanceof Error ? answer : new Error('Channel closed'), {});
          gone();
          if (answer === 'loses') connection.emit('lost');
          return;
        }
        if (held === 'consume') return void at('consume', () => next(null, { consumerTag: 'tag' }));
        next(null, { consumerTag: 'tag' });
        if (answer === 'closes') gone();
      },
      checkQueue: (_: string, next: (error: null, ok: object) => void) => {
        seen.looks += 1;
        next(null, { consumerCount: 0, messageCount });
      },
      get: (_: string, __: object, next: (error: null, raw: false) => void) => {
        seen.asked += 1;
        next(null, false);
      },
      cancel: (_: string, next: () => void) => {
        seen.answers.push('cancel');
        next();
      },
      nack: ({ fields }: RawMessage) => seen.answers.push(`nack ${fields.deliveryTag}`),
      close: () => {
        if (isClosed) throw new Error('IllegalOperationError: Channel closed');
        seen.closed += 1;
        gone();
      },
    }) as unknown as Channel;
  };
  const fake = Object.assign(connection, {
    channel,
    answered: (_: string, answer: Promise<unknown>) => answer,
    queueOf: () => ({ name: 'q', declaredArguments: declared ?? undefined, isTransient: false }),
    addresses,
    leave: () => connection.emit('lost'),
  });
  const counts = newCounts();
  const consumer = new Consumer(fake as unknown as BrokerConnection, {
    vhost: '/',
    subscription: 's',
    prefetch,
    options: {},
    watchMs,
    quietMs: 4,
    counts,
    redact: (text) => text,
  });
  consumer.on('interrupted', ({ message }: MqError) => seen.interrupted.push(message));
  return { consumer, seen, counts, consumers, release: release.resolve };
}
interface Given {
  /** Arguments of the queue. `null` if they are unknown. */
  declared?: Readonly<Record<string, unknown>> | null;
  watchMs?: number;
  addresses?: number;
  messageCount?: number;
  prefetch?: number;
  /** The broker answers this step only after `release`. */
  held?: Step;
}
type Step = 'channel' | 'prefetch' | 'consume';

test('a channel that closes in the packet of consume-ok is set up again', async () => {
  const { consumer, seen, counts } = consuming(['closes']);
  await consumer.start();
  await until('it consumes again', () => seen.consumed === 2 && counts.consumers === 1);
  await consumer.stop();
  assert.equal(seen.interrupted, ['the connection to the broker was lost (channel closed)']);
});

test('an exclusive consumer waits until the previous one is removed', async () => {
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
  test(`reports ${code} for ${text}`, () => {
    const error = new Error(`Operation failed: BasicConsume; 4xx with message "${text}"`);
    assert.is(failureOf(error, (clear) => clear).code, code);
  });
}

test('tries the only node again if it is lost before consume-ok', async () => {
  const { consumer, seen } = consuming(['loses']);
  await consumer.start();
  await consumer.stop();
  assert.is(seen.consumed, 2);
});

test('gives up if the only node is lost each time', async () => {
  const { consumer, seen } = consuming(['loses', 'loses', 'loses']);
  const error = await consumer.start().catch((error: MqError) => error);
  assert.is((error as MqError).code, 'UNAVAILABLE');
  assert.is(seen.consumed, 2);
});

test('probes an idle queue', async () => {
  const { consumer, seen } = consuming([]);
  await consumer.start();
  await until('it has probed', () => seen.asked > 2);
  await consumer.stop();
});

for (const [what, declared] of [
  ['with a single active consumer', { 'x-single-active-consumer': true }],
  ['that mq does not declare', null],
] as const) {
  test(`does not probe a queue ${what}`, async () => {
    const { consumer, seen } = consuming([], { declared, watchMs: 5 });
    await consumer.start();
    // The consumer is set up again after every second check, and the checks continue.
    await until('several checks have passed', () => seen.looks > 12);
    await consumer.stop();
    assert.is(seen.asked, 0);
  });
}

test('does not probe for more messages than its prefetch', async () => {
  const [full, other] = [consuming([], { prefetch: 1 }), consuming([])];
  await Promise.all([full.consumer.start(), other.consumer.start()]);
  full.consumers[0]?.deliver(withOffset(0, false));
  const [before, others] = [full.seen.asked, other.seen.asked];
  await until('a consumer with room has probed', () => other.seen.asked > others + 20);
  await Promise.all([full.consumer.stop(), other.consumer.stop()]);
  // A probe may have begun before the message arrived.
  assert.ok(full.seen.asked <= before + 1, `it has probed ${full.seen.asked - before} times`);
});

test('does not look for the consumer of a stream', async () => {
  const { consumer, seen } = consuming([], { declared: { 'x-queue-type': 'stream' }, watchMs: 2 });
  const other = consuming([], { watchMs: 2 });
  await Promise.all([consumer.start(), other.consumer.start()]);
  await until('several checks of another queue have passed', () => other.seen.looks > 12);
  await Promise.all([consumer.stop(), other.consumer.stop()]);
  assert.equal([seen.looks, seen.asked, seen.consumed], [0, 0, 1]);
});

const withOffset = (offset: number, redelivered: boolean) =>
  ({
    content: Buffer.alloc(0),
    fields: { deliveryTag: 1, redelivered },
    properties: { headers: { 'x-stream-offset': offset } },
  }) as unknown as RawMessage;

for (const [queue, { declared, redelivered, isStream }] of Object.entries({
  'a classic queue': { declared: {}, redelivered: false, isStream: false },
  'a quorum queue': { declared: { 'x-queue-type': 'quorum' }, redelivered: false, isStream: false },
  'a stream': { declared: { 'x-queue-type': 'stream' }, redelivered: false, isStream: true },
  'an unknown queue': { declared: null, redelivered: false, isStream: true },
  'an unknown queue, in a redelivery,': { declared: null, redelivered: true, isStream: false },
})) {
  test(`${isStream ? 'uses' : 'ignores'} the offset header from ${queue}`, async () => {
    const { consumer, consumers, seen } = consuming([], { declared });
    await consumer.start();
    consumers[0]?.deliver(withOffset(7, redelivered));
    await consumer.ready();
    assert.is(seen.consumed, isStream ? 2 : 1, 'only a stream is read with a second consumer');
    consumers[0]?.channel.close(() => undefined);
    const resumed = await until('it consumes again', () => consumers[isStream ? 2 : 1]);
    assert.equal(resumed.options, isStream ? { arguments: { 'x-stream-offset': 7 } } : {});
    await consumer.stop();
  });
}

test('a reader of new messages skips none when its first channel is lost', async () => {
  const before = Math.floor(Date.now() / 1000);
  const { consumer, consumers } = consuming(['closes'], { declared: { 'x-queue-type': 'stream' } });
  await consumer.start();
  const resumed = await until('it consumes again', () => consumers[1]);
  await consumer.stop();
  assert.equal(consumers[0]?.options, {});
  const { arguments: given } = resumed.options as { arguments: { 'x-stream-offset': { '!': string; value: number } } };
  assert.is(given['x-stream-offset']['!'], 'timestamp');
  const { value } = given['x-stream-offset'];
  assert.ok(value >= before && value <= Date.now() / 1000, String(value));
});

const kept = (removed: number[] = []) => ({
  onHandled: () => undefined,
  onRemoved: (count: number) => removed.push(count),
});

test('a reader leaves a node that has no replica for its stored offset', async () => {
  const noReplica = new Error(
    `Operation failed: BasicConsume; 406 (PRECONDITION_FAILED) with message "PRECONDITION_FAILED - queue 'q' in vhost '/' does not have a running replica on the local node"`,
  );
  const { consumer, consumers } = consuming([noReplica], { declared: { 'x-queue-type': 'stream' }, addresses: 2 });
  consumer.keepOffset(5, kept());
  const started = consumer.start();
  const check = await until('it asks the second node', () => consumers[1]);
  assert.equal(check.options, { arguments: { 'x-stream-offset': 5 } });
  check.deliver(withOffset(5, false));
  await started;
  assert.equal(consumers[2]?.options, { arguments: { 'x-stream-offset': 6 } });
  await consumer.stop();
});

test('a reader reports the messages that retention has removed, once', async () => {
  const { consumer, consumers } = consuming(['ok', 'closes'], { declared: { 'x-queue-type': 'stream' } });
  const removed: number[] = [];
  consumer.keepOffset(5, kept(removed));
  const started = consumer.start();
  const check = await until('it checks the offset', () => consumers[0]);
  check.deliver(withOffset(9, false));
  await started;
  await until('it consumes again', () => consumers[2]);
  await consumer.stop();
  assert.equal(removed, [3]);
});

test('a reader does not refuse its stored offset because an answer is late', async () => {
  const { consumer, consumers } = consuming([], { declared: { 'x-queue-type': 'stream' } });
  consumer.keepOffset(5, kept());
  const started = consumer.start();
  const answer = async (index: number, offset: number) =>
    (await until(`consumer ${index}`, () => consumers[index])).deliver(withOffset(offset, false));
  // The first one is answered too late: with nothing for a second.
  await answer(1, 9);
  await answer(2, 5);
  await started;
  assert.equal(consumers[3]?.options, { arguments: { 'x-stream-offset': 6 } });
  await consumer.stop();
});

test('a reader does not take a stream for empty because its answers are late', async () => {
  const { consumer, consumers } = consuming([], { declared: { 'x-queue-type': 'stream' }, messageCount: 6 });
  consumer.keepOffset(5, kept());
  const started = consumer.start();
  // The answers to 5 and to `last` are late.
  (await until('it asks again', () => consumers[2])).deliver(withOffset(5, false));
  await started;
  assert.equal(consumers[3]?.options, { arguments: { 'x-stream-offset': 6 } });
  await consumer.stop();
});

test('a reader refuses a stored offset behind the end of its stream', async () => {
  const { consumer, consumers } = consuming([], { declared: { 'x-queue-type': 'stream' } });
  consumer.keepOffset(5, kept());
  const started = consumer.start().catch((error: MqError) => error);
  (await until('it asks for the end', () => consumers[1])).deliver(withOffset(2, false));
  const error = await started;
  assert.is(error?.code, 'TOPOLOGY');
  assert.match(error?.message ?? '', /ends near offset 2, but the stored offset is 5/);
});

test('acknowledges nothing while it checks for the end of a stream', async () => {
  const { consumer, consumers } = consuming([], { declared: null });
  await consumer.start();
  consumers[0]?.deliver(withOffset(7, false));
  const ready = consumer.ready();
  const second = await until('it reads the stream', () => consumers[1]);
  second.deliver(withOffset(7, false)); // the fake channel has no ack
  assert.is(await ready, 1);
  await consumer.stop();
});

test('a consumer that stops does not wait for the reason of a failed start', async () => {
  const { consumer, seen } = consuming([new Error('Channel closed')]);
  const started = consumer.start().catch(() => 'ended');
  await until('its start has failed', () => seen.consumed === 1);
  await turn();
  await consumer.stop();
  assert.is(await Promise.race([started, turn()]), 'ended');
});

for (const held of ['channel', 'prefetch'] as const) {
  test(`a consumer that stops before basic.consume does not consume (${held})`, async () => {
    const { consumer, seen, counts, release } = consuming([], { held });
    const starting = consumer.start();
    await consumer.stop();
    release();
    await starting;
    assert.equal([counts.consumers, seen.consumed, seen.closed], [0, 0, 1]);
  });
}

test('a consumer that stops before consume-ok can return its messages', async () => {
  const { consumer, consumers, seen, counts, release } = consuming([], { held: 'consume' });
  const delivered: Delivery[] = [];
  consumer.on('delivery', (delivery) => delivered.push(delivery));
  const starting = consumer.start();
  await until('it has sent basic.consume', () => seen.consumed === 1);
  const stopped = consumer.stop().then(() => seen.answers.push('stopped'));
  consumers[0]?.deliver({ content: Buffer.from(''), fields: { deliveryTag: 1 }, properties: {} } as RawMessage);
  release();
  await Promise.all([starting, stopped]);
  // A close of the channel would count as a failed attempt of the message in a quorum queue.
  assert.ok(delivered[0]?.nack(true));
  assert.equal([seen.answers, seen.closed, counts.consumers], [['cancel', 'stopped', 'nack 1'], 0, 0]);
});

test.run();
