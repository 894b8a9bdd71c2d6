import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ExpiryTimer } from '../../../../src/broker/queue/expiry-timer.ts';
import { HandClock } from '../../../support/broker-clock.ts';

test('sets no timer after it was stopped', () => {
  const clock = new HandClock();
  const timer = new ExpiryTimer(clock, () => assert.unreachable());
  timer.arm(clock.now() + 10);
  timer.stop();
  timer.arm(clock.now() + 5);
  assert.is(clock.waiting, 0);
});

test.run();
