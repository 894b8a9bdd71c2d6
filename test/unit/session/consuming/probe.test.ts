import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../../src/session/channel.ts';
import type { Delivery } from '../../../../src/session/consumer.ts';
import { foundDelivery, Probe } from '../../../../src/session/consuming/probe.ts';
import { newCounts } from '../../../../src/session/counts.ts';
import type { RawMessage } from '../../../../src/session/raw-message.ts';
import { until } from '../../../support/until.ts';

/** 'refuses': the broker closes the channel; 'goes': the connection is lost. */
type Answer = 'empty' | 'nothing' | 'refuses' | 'goes' | RawMessage;

const message = { content: Buffer.from('x'), fields: {}, properties: {} } as unknown as RawMessage;

/** A broker that answers so, one a question, and after them with an empty queue. */
async function probed(answers: readonly Answer[], queue: () => string | undefined = () => 'q') {
  const seen = { asked: 0, open: 0, left: [] as string[], found: [] as Delivery[], answers: [] as string[] };
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
        if (answer === 'refuses' || answer === 'goes') return close();
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
      answerMs: 10,
      onFound: (from, raw) => seen.found.push(foundDelivery(from, raw, { queue: 'q', counts })),
    },
  );
  return { seen, probe };
}

test('a node that answers stays, and no channel with it', async () => {
  const { seen, probe } = await probed(['empty']);
  await until('it has asked five times', () => seen.asked >= 5);
  probe.stop();
  assert.equal([seen.left, seen.open], [[], 0]);
});

test('a node that does not answer is left', async () => {
  // More than one: a machine that is slow itself hears the first one late.
  const { seen, probe } = await probed(['empty', ...Array.from({ length: 20 }, () => 'nothing' as const)]);
  await until('it is left', () => seen.left.length > 0);
  probe.stop();
  assert.match(seen.left[0] ?? '', /^the node has not answered in \d s$/);
});

test('a consumer without room, or without a queue, asks nothing', async () => {
  let looks = 0;
  const { seen, probe } = await probed([], () => {
    looks += 1;
    return undefined;
  });
  await until('it has looked five times', () => looks >= 5);
  probe.stop();
  assert.is(seen.asked, 0);
});

test('a broker that refuses the question is not asked a fourth time', async () => {
  let looks = 0;
  const { seen, probe } = await probed(['refuses', 'refuses', 'refuses'], () => {
    looks += 1;
    return 'q';
  });
  await until('it has looked on', () => seen.asked === 3 && looks > 40);
  probe.stop();
  assert.equal([seen.asked, seen.left], [3, []]);
});

test('lost connections are no refusals', async () => {
  const { seen, probe } = await probed(['goes', 'goes', 'goes', 'goes']);
  await until('it continues to probe', () => seen.asked > 5);
  probe.stop();
  assert.equal(seen.left, []);
});

test('what is found is a delivery, whose one answer ends its channel', async () => {
  const { seen, probe } = await probed([message]);
  const found = await until('a message is found', () => seen.found[0]);
  assert.is(found.raw, message);
  assert.not(found.isStale);
  const open = seen.open;
  assert.ok(found.ack());
  assert.not(found.nack(true), 'a second answer is dropped');
  assert.not(found.isStale, 'it is answered');
  await until('its channel is closed', () => seen.open < open);
  probe.stop();
  assert.equal(seen.answers, ['ack']);
});

test('what is found and not answered is stale when its channel is gone', async () => {
  const { seen, probe } = await probed([message]);
  const found = await until('a message is found', () => seen.found[0]);
  probe.stop();
  const lost = new EventEmitter();
  const other = foundDelivery(lost as unknown as Channel, found.raw, { queue: 'q', counts: newCounts() });
  lost.emit('close');
  assert.ok(other.isStale);
  assert.not(other.ack());
  assert.ok(found.ack());
});

test('an answer to what is found is dropped where its channel is closing', async () => {
  const { seen, probe } = await probed([message]);
  const found = await until('a message is found', () => seen.found[0]);
  probe.stop();
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

test('a node that a stopped process did not hear is not left', async () => {
  let isStopped = false;
  const { seen, probe } = await probed(['nothing'], () => {
    if (!isStopped && seen.asked === 1) {
      isStopped = true;
      const end = performance.now() + 40;
      while (performance.now() < end);
    }
    return 'q';
  });
  await until('it has asked again', () => seen.asked > 1);
  probe.stop();
  assert.equal([isStopped, seen.left], [true, []]);
});

test.run();
