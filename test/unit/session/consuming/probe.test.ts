import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../../src/session/channel.ts';
import type { Delivery } from '../../../../src/session/consumer.ts';
import { foundDelivery, Probe } from '../../../../src/session/consuming/probe.ts';
import { newCounts } from '../../../../src/session/counts.ts';
import type { RawMessage } from '../../../../src/session/raw-message.ts';
import { turn } from '../../../../src/time.ts';
import { until } from '../../../support/until.ts';

/** Reaction of the node to a probe. 'refuses' closes the channel, and 'lost' loses the connection. */
type Answer = 'empty' | 'nothing' | 'refuses' | 'lost' | RawMessage | Promise<RawMessage>;

const message = { content: Buffer.from('x'), fields: {}, properties: {} } as unknown as RawMessage;

/** Starts a probe against a broker that returns these answers in turn, and then an empty queue. */
async function probed(answers: readonly Answer[], queue: () => string | undefined = () => 'q', answerMs = 10) {
  const seen = {
    asked: 0,
    open: 0,
    left: [] as string[],
    found: [] as Delivery[],
    dropped: 0,
    answers: [] as string[],
  };
  const counts = newCounts();
  const channel = async (): Promise<Channel> => {
    seen.open += 1;
    const made = new EventEmitter();
    const close = () => {
      seen.open -= 1;
      made.emit('close');
    };
    return Object.assign(made, {
      get: (_: string, __: object, next: (error: Error | null, raw?: RawMessage | false) => void) => {
        const answer = answers[seen.asked] ?? 'empty';
        seen.asked += 1;
        if (answer === 'nothing') return;
        if (answer === 'refuses') made.emit('error', new Error('Channel closed by server: 405'));
        if (answer === 'refuses' || answer === 'lost') return close();
        if (answer instanceof Promise) return void answer.then((raw) => next(null, raw));
        next(null, answer === 'empty' ? false : answer);
      },
      ack: () => seen.answers.push('ack'),
      nack: () => seen.answers.push('nack'),
      close,
    }) as unknown as Channel;
  };
  const leave = ({ message: why }: Error) => {
    seen.left.push(why);
    seen.open -= 1;
  };
  const probe = new Probe(
    { channel, leave },
    {
      vhost: '/',
      queue,
      deliveredAt: () => 0,
      quietMs: 4,
      answerMs,
      onFound: (from, raw) => seen.found.push(foundDelivery(from, raw, { queue: 'q', counts })),
      onDropped: () => {
        seen.dropped += 1;
      },
    },
  );
  return { seen, probe };
}

test('does not leave a node that answers, and closes its channels', async () => {
  const { seen, probe } = await probed(['empty']);
  await until('it has probed five times', () => seen.asked >= 5);
  await probe.stop();
  assert.equal([seen.left, seen.open], [[], 0]);
});

test('leaves a node that does not answer', async () => {
  // Several probes have no answer, because on a slow machine the timer of the first one may fire too late.
  const { seen, probe } = await probed(['empty', ...Array.from({ length: 20 }, () => 'nothing' as const)]);
  await until('the node is left', () => seen.left.length > 0);
  await probe.stop();
  assert.match(seen.left[0] ?? '', /^the node has not answered in \d s$/);
});

test('does not probe while the consumer cannot receive messages', async () => {
  let checks = 0;
  const { seen, probe } = await probed([], () => {
    checks += 1;
    return undefined;
  });
  await until('it has checked five times', () => checks >= 5);
  await probe.stop();
  assert.is(seen.asked, 0);
});

test('stops probing after three refusals', async () => {
  let checks = 0;
  const { seen, probe } = await probed(['refuses', 'refuses', 'refuses'], () => {
    checks += 1;
    return 'q';
  });
  await until('it has checked after the third probe', () => seen.asked === 3 && checks > 40);
  await probe.stop();
  assert.equal([seen.asked, seen.left], [3, []]);
});

test('does not count lost connections as refusals', async () => {
  const { seen, probe } = await probed(['lost', 'lost', 'lost', 'lost']);
  await until('it continues to probe', () => seen.asked > 5);
  await probe.stop();
  assert.equal(seen.left, []);
});

test('a message of a probe is a delivery, and its answer closes the channel', async () => {
  const { seen, probe } = await probed([message]);
  const found = await until('a message is found', () => seen.found[0]);
  assert.is(found.raw, message);
  assert.not(found.isStale);
  const open = seen.open;
  assert.ok(found.ack());
  assert.not(found.nack(true), 'a second answer is dropped');
  assert.not(found.isStale, 'an answered message is not stale');
  await until('its channel is closed', () => seen.open < open);
  await probe.stop();
  assert.equal(seen.answers, ['ack']);
});

test('a stop waits for the message of a probe', async () => {
  const late = Promise.withResolvers<RawMessage>();
  const { seen, probe } = await probed([late.promise], () => 'q', 60_000);
  await until('it has probed', () => seen.asked === 1);
  const stopped = probe.stop().then(() => seen.answers.push('stopped'));
  late.resolve(message);
  await stopped;
  // Without this answer, the end of the connection would return the message.
  assert.ok(seen.found[0]?.nack(true));
  assert.equal([seen.answers, seen.asked], [['stopped', 'nack'], 1]);
});

test('returns the message of a late answer without a failed attempt', async () => {
  const late = Promise.withResolvers<RawMessage>();
  const { seen, probe } = await probed([late.promise]);
  await until('it has probed again', () => seen.asked > 1);
  await probe.stop();
  late.resolve(message);
  await late.promise;
  await turn();
  assert.equal([seen.found.length, seen.answers], [0, ['nack']]);
});

test('detects a dropped consumer by two consecutive probes with a message', async () => {
  const once = await probed([message, 'empty', message, 'empty']);
  await until('it has probed five times', () => once.seen.asked >= 5);
  await once.probe.stop();
  assert.equal([once.seen.found.length, once.seen.dropped], [2, 0]);
  const twice = await probed([message, message]);
  await until('it has probed three times', () => twice.seen.asked >= 3);
  await twice.probe.stop();
  assert.equal([twice.seen.found.length, twice.seen.dropped], [2, 1]);
});

test('an unanswered message of a probe is stale after its channel closes', async () => {
  const { seen, probe } = await probed([message]);
  const found = await until('a message is found', () => seen.found[0]);
  await probe.stop();
  const lost = new EventEmitter();
  const other = foundDelivery(lost as unknown as Channel, found.raw, { queue: 'q', counts: newCounts() });
  lost.emit('close');
  assert.ok(other.isStale);
  assert.not(other.ack());
  assert.ok(found.ack());
});

test('drops the answer to a message of a probe whose channel is closing', async () => {
  const { seen, probe } = await probed([message]);
  const found = await until('a message is found', () => seen.found[0]);
  await probe.stop();
  const closing = Object.assign(new EventEmitter(), {
    ack: () => {
      throw new Error('IllegalOperationError: Channel closing');
    },
  });
  const counts = newCounts();
  const other = foundDelivery(closing as unknown as Channel, found.raw, { queue: 'q', counts });
  assert.not(other.ack());
  assert.ok(other.isStale);
  assert.is(counts.stale, 1);
  assert.ok(found.ack());
});

test('does not leave a node because this process was suspended', async () => {
  let wasSuspended = false;
  const { seen, probe } = await probed(['nothing'], () => {
    if (!wasSuspended && seen.asked === 1) {
      wasSuspended = true;
      const end = performance.now() + 40;
      while (performance.now() < end);
    }
    return 'q';
  });
  await until('it has probed again', () => seen.asked > 1);
  await probe.stop();
  assert.equal([wasSuspended, seen.left], [true, []]);
});

test.run();
