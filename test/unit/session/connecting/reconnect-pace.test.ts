import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ReconnectPace } from '../../../../src/session/connecting/reconnect-pace.ts';
import { replaceTime, time } from '../../../../src/time.ts';

/**
 * Returns the longest possible pause after each connection. `durations` are the times that they last, in milliseconds.
 */
function pausesAfter(durations: readonly number[]): number[] {
  let now = 0;
  const restore = replaceTime({ ...time, now: () => now, random: () => 1 });
  const pace = new ReconnectPace();
  const pauses = durations.map((milliseconds) => {
    pace.connected();
    now += milliseconds;
    pace.lost();
    return pace.pauseMs();
  });
  restore();
  return pauses;
}

for (const [title, durations, pauses] of [
  ['reconnects at once after a connection of 10 s', [10_000, 60_000], [0, 0]],
  ['doubles the pause after each shorter connection, up to 1 s', [9_999, 0, 0, 0], [250, 500, 1000, 1000]],
  ['starts with a short pause again after a long connection', [0, 0, 10_000, 0], [250, 500, 0, 250]],
] as const) {
  test(title, () => assert.equal(pausesAfter(durations), pauses));
}

test('chooses a random pause', () => {
  const restore = replaceTime({ ...time, random: () => 0.5 });
  const pace = new ReconnectPace();
  pace.lost();
  const pauseMs = pace.pauseMs();
  restore();
  assert.is(pauseMs, 125);
});

test.run();
