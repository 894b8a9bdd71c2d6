import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ReconnectPace } from '../../../../src/session/connecting/reconnect-pace.ts';
import { HandClock } from '../../../support/broker-clock.ts';

/**
 * Returns the longest possible pause after each connection. `durations` are the times that they last, in milliseconds.
 */
function pausesAfter(durations: readonly number[]): number[] {
  const clock = new HandClock();
  const pace = new ReconnectPace({ now: () => clock.now(), random: () => 1 });
  return durations.map((milliseconds) => {
    pace.connected();
    clock.move(milliseconds);
    pace.lost();
    return pace.pauseMs();
  });
}

for (const [title, durations, pauses] of [
  ['reconnects at once after a connection of 10 s', [10_000, 60_000], [0, 0]],
  ['doubles the pause after each shorter connection, up to 1 s', [9_999, 0, 0, 0], [250, 500, 1000, 1000]],
  ['starts with a short pause again after a long connection', [0, 0, 10_000, 0], [250, 500, 0, 250]],
] as const) {
  test(title, () => assert.equal(pausesAfter(durations), pauses));
}

test('chooses a random pause', () => {
  const pace = new ReconnectPace({ now: () => 0, random: () => 0.5 });
  pace.lost();
  assert.is(pace.pauseMs(), 125);
});

test.run();
