// Tests how the number of ready messages is read from a quorum queue whose leader may be slow.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../../src/session/channel.ts';
import { readyCount } from '../../../../src/session/consuming/ready-count.ts';

/** Asks a queue that sends each answer after the given milliseconds. Returns the count and the number of requests. */
async function ask(...answers: readonly (readonly [ms: number, messageCount: number])[]) {
  let [now, times] = [0, 0];
  const checkQueue = (_: string, next: (error: null, ok: object) => void) => {
    const [ms, messageCount] = answers[times] ?? [0, -1];
    now += ms;
    times += 1;
    next(null, { messageCount });
  };
  const count = await readyCount({ checkQueue } as unknown as Channel, 'q', () => now);
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

test.run();
