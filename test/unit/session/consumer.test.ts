import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MqError } from '../../../src/errors.ts';
import type { Delivery } from '../../../src/session/consumer.ts';
import { failureOf } from '../../../src/session/failure.ts';
import type { RawMessage } from '../../../src/session/raw-message.ts';
import { turn } from '../../../src/time.ts';
import { consuming } from '../../support/consuming.ts';
import { until } from '../../support/until.ts';

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

test('reports that the broker has accepted the consumer after refusals', async () => {
  const down = new Error(
    `Operation failed: BasicConsume; 404 (NOT-FOUND) with message "NOT_FOUND - home node 'rabbit@a' of durable queue 'q' in vhost '/' is down or inaccessible"`,
  );
  const { consumer, seen } = consuming(['closes', down, down]);
  const accepted: number[] = [];
  consumer.on('accepted', () => accepted.push(seen.consumed));
  consumer.on('fatal', ({ message }) => accepted.push(message.length));
  await consumer.start();
  await until('it consumes again', () => accepted.length === 2);
  await consumer.stop();
  assert.equal(accepted, [1, 4]);
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
    const { consumer, seen } = consuming([], { declared, watchMs: 5, type: 'classic' });
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

for (const [what, declared, looks] of [
  ['a stream', { 'x-queue-type': 'stream' }, 0],
  ['a stream that mq does not declare', null, 2],
] as const) {
  test(`does not miss the consumer of ${what}`, async () => {
    const { consumer, seen } = consuming([], { declared, watchMs: 2, type: 'stream' });
    const other = consuming([], { watchMs: 2 });
    await Promise.all([consumer.start(), other.consumer.start()]);
    await until('several checks of another queue have passed', () => other.seen.looks > 12);
    await Promise.all([consumer.stop(), other.consumer.stop()]);
    assert.equal([seen.looks, seen.asked, seen.consumed], [looks, 0, 1]);
  });
}

test('looks for the consumer of a queue with a forged offset', async () => {
  const { consumer, consumers, seen } = consuming([], { declared: null, watchMs: 2, type: 'quorum' });
  await consumer.start();
  consumers[0]?.deliver(withOffset(7, false));
  const resumed = await until('it consumes again', () => consumers[1]);
  await consumer.stop();
  assert.equal([resumed.options, seen.types], [{}, 1]);
});

const withOffset = (offset: number, redelivered: boolean) =>
  ({
    content: Buffer.alloc(0),
    fields: { deliveryTag: 1, redelivered },
    properties: { headers: { 'x-stream-offset': offset } },
  }) as unknown as RawMessage;

for (const [queue, { isStream, ...given }] of Object.entries({
  'a classic queue': { declared: {}, type: 'classic', isStream: false },
  'a quorum queue': { declared: { 'x-queue-type': 'quorum' }, type: 'quorum', isStream: false },
  'a stream': { declared: { 'x-queue-type': 'stream' }, type: 'stream', isStream: true },
  'an unknown stream': { declared: null, type: 'stream', isStream: true },
  'an unknown classic queue': { declared: null, type: 'classic', isStream: false },
  'an unknown quorum queue': { declared: null, type: 'quorum', isStream: false },
} as const)) {
  for (const [moment, asks] of [
    ['when it checks for the end', true],
    ['after a lost channel', false],
  ] as const) {
    test(`${isStream ? 'uses' : 'ignores'} the offset header from ${queue} ${moment}`, async () => {
      const { consumer, consumers, seen } = consuming([], given);
      await consumer.start();
      consumers[0]?.deliver(withOffset(7, false));
      if (asks) await consumer.ready();
      const consumed = isStream && asks ? 2 : 1;
      assert.is(seen.consumed, consumed, 'only a stream is read with a second consumer');
      consumers[0]?.channel.close(() => undefined);
      const resumed = await until('it consumes again', () => consumers[consumed]);
      assert.equal(resumed.options, isStream ? { arguments: { 'x-stream-offset': 7 } } : {});
      assert.is(seen.types, given.declared ? 0 : 1, 'the broker is asked once');
      await consumer.stop();
    });
  }
}

test('ignores the offset header of a redelivered message', async () => {
  const { consumer, consumers, seen } = consuming([], { declared: null, type: 'quorum' });
  await consumer.start();
  consumers[0]?.deliver(withOffset(7, true));
  assert.is(await consumer.ready(), 0);
  await consumer.stop();
  assert.equal([seen.consumed, seen.types], [1, 0]);
});

for (const [what, declared] of [
  ['stream', { 'x-queue-type': 'stream' }],
  ['stream that mq does not declare', null],
] as const) {
  test(`a reader at the end of a ${what} skips no message`, async () => {
    const before = Math.floor(Date.now() / 1000);
    const { consumer, consumers } = consuming(['closes'], { declared, type: 'stream' });
    await consumer.start();
    const resumed = await until('it consumes again', () => consumers[1]);
    await consumer.stop();
    assert.equal(consumers[0]?.options, {});
    const { arguments: given } = resumed.options as {
      arguments?: { 'x-stream-offset': { '!': string; value: number } };
    };
    assert.is(given?.['x-stream-offset']['!'], 'timestamp');
    const value = given?.['x-stream-offset'].value ?? 0;
    assert.ok(value >= before && value <= Date.now() / 1000, String(value));
  });
}

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
  const { consumer, consumers } = consuming([], { declared: null, type: 'stream' });
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
