import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MovableClock } from '../../../src/harness/clock.ts';

const movable = suite('a movable clock');

movable('fires timers in order, including timers that they set', async () => {
  const clock = new MovableClock();
  const ran: string[] = [];
  clock.after(2_000, () => ran.push('two'));
  clock.after(1_000, () => {
    ran.push('one');
    clock.after(500, () => ran.push('one and a half'));
  });
  const later = clock.after(60_000, () => ran.push('later'));
  await clock.advance(3_000);
  assert.equal(ran, ['one', 'one and a half', 'two']);
  await clock.advance(57_000);
  assert.equal(ran.at(-1), 'later');
  later.cancel();
});

movable('continues from the advanced time', async () => {
  const clock = new MovableClock();
  const before = clock.now();
  await clock.advance(3_600_000);
  const moved = clock.now() - before;
  assert.ok(moved >= 3_600_000 && moved < 3_610_000, String(moved));
});

movable('does not fire a cancelled timer', async () => {
  const clock = new MovableClock();
  let ran = false;
  clock
    .after(10, () => {
      ran = true;
    })
    .cancel();
  await clock.advance(1_000);
  assert.is(ran, false);
});

movable('fires timers when real time passes', async () => {
  const clock = new MovableClock();
  await clock.advance(1_000);
  await new Promise<void>((resolve) => clock.after(5, resolve));
});

movable.run();
