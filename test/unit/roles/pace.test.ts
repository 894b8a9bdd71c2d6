// Tests --rate.

import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Pace } from '../../../src/roles/pace.ts';

/** Runs with a clock that only the test advances. */
function withClock(run: (advance: (milliseconds: number) => void) => void): void {
  let now = 1000;
  const clock = mock.method(performance, 'now', () => now);
  try {
    run((milliseconds) => {
      now += milliseconds;
    });
  } finally {
    clock.mock.restore();
  }
}

test('starts messages one interval apart, the first at once', () =>
  withClock((advance) => {
    const pace = new Pace(100);
    pace.begin();
    advance(40);
    assert.is(pace.waitMs, 40);
    advance(40);
    assert.is(pace.waitMs, 0);
  }));

test('catches up after a late timer, but not after a long pause', () =>
  withClock((advance) => {
    const pace = new Pace(100);
    pace.begin();
    advance(90);
    pace.begin();
    assert.is(pace.waitMs, 90);
    advance(60_000);
    pace.begin();
    assert.is(pace.waitMs, 80);
  }));

test('does not wait without a rate', () => {
  const pace = new Pace(undefined);
  for (let n = 0; n < 3; n += 1) {
    assert.is(pace.waitMs, 0);
    pace.begin();
  }
});

test('a signal ends the wait', async () => {
  const pace = new Pace(3_600_000);
  pace.begin();
  const stop = new AbortController();
  const turn = pace.wait(stop.signal);
  stop.abort();
  await turn;
});

test.run();
