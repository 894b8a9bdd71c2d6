import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../src/broker/clock.ts';

test('durations do not depend on the system clock', () => {
  const machineClock = Date.now;
  const before = systemClock.now();
  const dayMs = 86_400_000;
  try {
    Date.now = () => machineClock() - dayMs;
    assert.ok(systemClock.now() >= before);
    Date.now = () => machineClock() + dayMs;
    assert.ok(systemClock.now() < before + dayMs);
  } finally {
    Date.now = machineClock;
  }
});

test.run();
