import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EmptyCheck } from '../../../../src/roles/consuming/empty-check.ts';
import { replaceTime, type Timer, time } from '../../../../src/time.ts';

test('an ended check leaves no timer', async () => {
  const timers = new Set<Timer>();
  const after = (): Timer => {
    const timer: Timer = { cancel: () => timers.delete(timer), unref: () => timer };
    timers.add(timer);
    return timer;
  };
  const restore = replaceTime({ ...time, after });
  try {
    const member = { running: 0, waiting: 0, isAtRest: true, ready: async () => 1 };
    const check = new EmptyCheck({
      ...{ members: [member], isStopping: () => false },
      ...{ onEnd: () => assert.unreachable(), onLast: () => assert.unreachable() },
    });
    for (const _ of [1, 2]) await check.ask();
    check.askSoon();
    assert.is(timers.size, 2);
    check.close();
    assert.is(timers.size, 0);
  } finally {
    restore();
  }
});

test.run();
