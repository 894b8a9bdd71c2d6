// Tests how the number of ready messages is read from a quorum queue whose leader may be slow.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../../src/session/channel.ts';
import { certainDepth, readyCount, returnDeliveries } from '../../../../src/session/consuming/ready-count.ts';
import type { RawMessage } from '../../../../src/session/raw-message.ts';
import { replaceTime, time } from '../../../../src/time.ts';

/** Asks a queue that sends each answer after the given milliseconds. Returns the count and the number of requests. */
async function ask(...answers: readonly (readonly [ms: number, messageCount: number])[]) {
  let [now, times] = [0, 0];
  const checkQueue = (_: string, next: (error: null, ok: object) => void) => {
    const [ms, messageCount] = answers[times] ?? [0, -1];
    now += ms;
    times += 1;
    next(null, { messageCount });
  };
  const restore = replaceTime({ ...time, now: () => now });
  const count = await readyCount({ checkQueue } as unknown as Channel, 'q').finally(restore);
  return { count, times };
}

test('accepts a prompt answer', async () => {
  assert.equal(await ask([3, 0]), { count: 0, times: 1 });
  assert.equal(await ask([3, 5]), { count: 5, times: 1 });
});

test('asks again after a late 0, because the leader may be slow', async () => {
  assert.equal(await ask([251, 0], [3, 5]), { count: 5, times: 2 });
  assert.equal(await ask([251, 5]), { count: 5, times: 1 });
});

test('accepts the second answer if every answer is late', async () => {
  assert.equal(await ask([300, 0], [300, 0]), { count: 0, times: 2 });
});

/** Asks for the depth of a queue that sends these answers, and repeats the last one. */
async function depthOf(...answers: readonly (readonly [ms: number, messageCount: number])[]) {
  let [now, times] = [0, 0];
  const next = async () => {
    const [ms, messageCount] = answers[times] ?? answers.at(-1)!;
    now += ms;
    times += 1;
    return { messageCount };
  };
  const restore = replaceTime({ ...time, now: () => now });
  const { messageCount } = await certainDepth(next).finally(restore);
  return { messageCount, times };
}

test('a depth of 0 is certain only after a prompt answer', async () => {
  assert.equal(await depthOf([3, 0]), { messageCount: 0, times: 1 });
  assert.equal(await depthOf([251, 0], [251, 0], [3, 7]), { messageCount: 7, times: 3 });
  assert.equal(await depthOf([251, 0], [251, 0], [3, 0]), { messageCount: 0, times: 3 });
  assert.equal(await depthOf([900, 7]), { messageCount: 7, times: 1 });
});

test('without a prompt answer an empty queue is not certain', async () => {
  const error = await depthOf([300, 0]).catch((failure: unknown) => failure);
  assert.is((error as { code?: string }).code, 'DEADLINE');
});

/** Returns the deliveries 1 to 5 to a queue that sends these answers, and repeats the last one. */
async function returned(...answers: readonly (readonly [messageCount: number, consumerCount: number])[]) {
  let now = 0;
  const sent: string[] = [];
  const channel = {
    nack: ({ fields }: RawMessage, allUpTo: boolean, requeue: boolean) =>
      sent.push(`nack ${fields.deliveryTag} ${allUpTo} ${requeue}`),
    checkQueue: (queue: string, next: (error: null, ok: object) => void) => {
      const [messageCount, consumerCount] = answers[sent.filter((one) => one === 'check q').length] ?? answers.at(-1)!;
      sent.push(`check ${queue}`);
      next(null, { messageCount, consumerCount });
    },
  } as unknown as Channel;
  const after = (ms: number, run: () => void) => {
    now += ms;
    queueMicrotask(run);
    return { cancel: () => undefined, unref: () => undefined };
  };
  const message = (deliveryTag: number) => ({ fields: { deliveryTag } }) as unknown as RawMessage;
  const restore = replaceTime({ ...time, now: () => now, after: after as never });
  const last = [message(3), undefined, message(5)];
  await returnDeliveries(channel, 'q', { last, count: 5 }).finally(restore);
  return { sent, now };
}

test('returns deliveries, and waits until the queue has them', async () => {
  const { sent } = await returned([1, 0], [1, 0], [5, 0], [6, 0]);
  assert.equal(sent, ['check q', 'nack 3 true true', 'nack 5 true true', 'check q', 'check q', 'check q']);
});

test('does not wait for returned deliveries if others consume them', async () => {
  assert.is((await returned([1, 0], [1, 1])).sent.length, 4);
});

test('waits for a limited time, because returned deliveries may expire', async () => {
  assert.is((await returned([1, 0], [1, 0])).now, 2_000);
});

test('sends nothing if no delivery is left', async () => {
  const channel = new Proxy({} as Channel, { get: () => assert.unreachable() });
  await returnDeliveries(channel, 'q', { last: [undefined], count: 0 });
});

test.run();
