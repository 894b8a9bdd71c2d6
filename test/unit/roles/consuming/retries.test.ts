// Tests how wait queues are declared on each new channel, and how a failed message is published.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import type { Message } from '../../../../src/handlers/handler.ts';
import { Retries } from '../../../../src/roles/consuming/retries.ts';
import { newCounts } from '../../../../src/session/counts.ts';
import type { OutgoingMessage, PublishOutcome } from '../../../../src/session/outgoing-message.ts';
import type { Publisher } from '../../../../src/session/publisher.ts';
import type { ConfirmChannel } from '../../../../src/session/wire.ts';

const message: Message = {
  body: Buffer.from('x'),
  fields: { exchange: 'logs', routingKey: '', redelivered: false, queue: 'logs:1' },
  properties: {},
  headers: {},
  attempt: 1,
};

type Declared = (error: Error | null) => void;

/** Returns a channel that records its declarations. A closed channel throws as amqplib does. */
function channel({ isClosed = false } = {}): { channel: ConfirmChannel; queues: string[] } {
  const queues: string[] = [];
  const assertQueue = (queue: string, _: object, next: Declared) => {
    if (isClosed) throw new Error('Channel closed');
    queues.push(queue);
    next(null);
  };
  return { channel: { assertQueue } as unknown as ConfirmChannel, queues };
}

/** Creates the retries of a queue. Their messages have no outcome until the test confirms them. */
async function retries({
  hasOwnQueue,
  publish: given,
}: {
  hasOwnQueue: boolean;
  publish?: (sent: OutgoingMessage) => Promise<PublishOutcome>;
}) {
  const sent: { key: string; confirm: () => void }[] = [];
  let queue = 'logs:1';
  const hold = ({ routingKey }: OutgoingMessage) =>
    new Promise<PublishOutcome>((resolve) => {
      sent.push({ key: routingKey, confirm: () => resolve({ type: 'confirmed' }) });
    });
  let use: (channel: ConfirmChannel) => Promise<void> = async () => undefined;
  const made = new Retries({
    queue: () => queue,
    hasOwnQueue,
    isStream: () => false,
    config: { attempts: 3, delays: [1000] },
    nextId: () => 'id',
    counts: newCounts(),
    say: () => undefined,
    drain: new AbortController().signal,
    connect: async (onChannel) => {
      use = onChannel;
      return { publisher: { publish: given ?? hold } as unknown as Publisher, dead: undefined, declared: new Map() };
    },
  });
  await made.open();
  return { retries: made, sent, onChannel: use, rename: (name: string) => (queue = name) };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('declares the wait queue of a failed message after a reconnect', async () => {
  for (const hasOwnQueue of [true, false]) {
    const { retries: own, sent, onChannel } = await retries({ hasOwnQueue });
    await onChannel(channel({ isClosed: true }).channel);
    const outcome = own.again(message, 'it failed');
    await turn();
    const next = channel();
    await onChannel(next.channel);
    assert.equal([next.queues, sent.map(({ key }) => key)], [['logs:1.retry.1000'], ['logs:1.retry.1000']]);
    sent[0]?.confirm();
    assert.is(await outcome, 'sent');
  }
});

test("declares an exclusive queue's wait queue until the last outcome", async () => {
  const { retries: own, sent, rename, onChannel } = await retries({ hasOwnQueue: true });
  const first = channel();
  await onChannel(first.channel);
  const outcomes = [own.again(message, 'one'), own.again(message, 'two')];
  await turn();
  assert.equal(first.queues, ['logs:1.retry.1000', 'logs:1.retry.1000']);
  sent[0]?.confirm();
  await outcomes[0];
  // The queue has a new name after each lost connection.
  rename('logs:2');
  const second = channel();
  await onChannel(second.channel);
  assert.equal(second.queues, ['logs:1.retry.1000'], 'one of two has no outcome yet');
  sent[1]?.confirm();
  await outcomes[1];
  const third = channel();
  await onChannel(third.channel);
  assert.equal(third.queues, []);
});

test('declares the wait queue of a shared queue once on each channel', async () => {
  const { retries: shared, sent, onChannel } = await retries({ hasOwnQueue: false });
  const first = channel();
  await onChannel(first.channel);
  for (const reason of ['one', 'two']) {
    const outcome = shared.again(message, reason);
    await turn();
    sent.pop()?.confirm();
    await outcome;
  }
  const second = channel();
  await onChannel(second.channel);
  assert.equal([first.queues, second.queues], [['logs:1.retry.1000'], ['logs:1.retry.1000']]);
});

/** A channel that refuses every declaration, as amqplib reports it. */
function refusing(): { channel: ConfirmChannel; queues: string[] } {
  const queues: string[] = [];
  const refusal = Object.assign(new Error('406 (PRECONDITION_FAILED) queue limit reached'), { code: 406 });
  const assertQueue = (queue: string, _: object, next: Declared) => {
    queues.push(queue);
    next(refusal);
  };
  return { channel: { assertQueue } as unknown as ConfirmChannel, queues };
}

test('a refused wait queue does not prevent the next channel', async () => {
  const { retries: shared, sent, onChannel } = await retries({ hasOwnQueue: false });
  await onChannel(refusing().channel);
  const outcome = shared.again(message, 'it failed');
  await turn();
  const next = refusing();
  await onChannel(next.channel);
  assert.equal([next.queues, sent.length], [[], 1]);
  sent[0]?.confirm();
  assert.is(await outcome, 'sent');
});

test('forgets a queue that the broker refused on a new channel', async () => {
  const { retries: shared, sent, onChannel } = await retries({ hasOwnQueue: false });
  await onChannel(channel().channel);
  const outcome = shared.again(message, 'it failed');
  await turn();
  const refused = await onChannel(refusing().channel).catch((error: { code?: number }) => error.code);
  assert.is(refused, 406);
  const last = refusing();
  await onChannel(last.channel);
  assert.equal(last.queues, []);
  sent[0]?.confirm();
  assert.is(await outcome, 'sent');
});

test('does not republish a message that AMQP cannot encode', async () => {
  const headers = { big: 'x' };
  const refused = new MqError('BAD_DATA', 'the headers are too large');
  const sent: OutgoingMessage[] = [];
  const { retries: made } = await retries({
    hasOwnQueue: false,
    publish: async (outgoing) => {
      sent.push(outgoing);
      const isLarge = Object.hasOwn(outgoing.properties.headers ?? {}, 'big');
      return isLarge ? { type: 'refused', error: refused } : { type: 'confirmed' };
    },
  });
  assert.is(await made.renew({ ...message, headers }, 0), false);
  assert.is(sent.length, 1);
});

test('keeps the expiration on republishing, and removes it for a wait queue', async () => {
  const sent: OutgoingMessage[] = [];
  const { retries: made, onChannel } = await retries({
    hasOwnQueue: false,
    publish: async (outgoing) => {
      sent.push(outgoing);
      return { type: 'confirmed' };
    },
  });
  await onChannel(channel().channel);
  const expiring = { ...message, properties: { expiration: '60000' } };
  assert.is(await made.renew(expiring, 0), true);
  await made.again(expiring, 'it failed');
  assert.equal(
    sent.map(({ properties }) => properties.expiration),
    ['60000', undefined],
  );
});

test.run();
