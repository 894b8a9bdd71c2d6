// Tests that a role waits for the messages that it returns, and leaves no timer behind.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PendingDelivery } from '../../../../src/roles/consuming/delivery-queue.ts';
import { Returns } from '../../../../src/roles/consuming/returns.ts';
import { newCounts } from '../../../../src/session/counts.ts';
import { replaceTime, time } from '../../../../src/time.ts';

test('cancels its time limit when all messages are returned', async () => {
  let waiting = 0;
  const { after } = time;
  const restore = replaceTime({
    ...time,
    after: (ms, run) => {
      waiting += 1;
      const timer = after(ms, run);
      const cancel = () => {
        waiting -= 1;
        timer.cancel();
      };
      return Object.assign(Object.create(timer), { cancel });
    },
  });
  try {
    const { promise, resolve } = Promise.withResolvers<void>();
    // Casts, because Returns uses only these members.
    const returns = new Returns({ handBack: () => promise } as never, newCounts());
    void returns.add({} as PendingDelivery);
    const ended = returns.end();
    assert.is(waiting, 1);
    resolve();
    await ended;
    assert.is(waiting, 0);
  } finally {
    restore();
  }
});

test.run();
