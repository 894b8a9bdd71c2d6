import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Sequence, Slices, sortedInSlices, type Work } from '../../../src/broker/slices.ts';

test('sorts a long list over several turns and keeps equal items in order', async () => {
  const items = Array.from({ length: 100_001 }, (_, index) => ({ key: (index * 7919) % 1000, index }));
  let turns = 0;
  let isSorted = false;
  const count = () => {
    turns += 1;
    if (!isSorted) setImmediate(count);
  };
  setImmediate(count);
  const byKey = (a: { key: number }, b: { key: number }) => a.key - b.key;
  const sorted = await sortedInSlices(items, byKey);
  isSorted = true;
  assert.equal(sorted, items.toSorted(byKey));
  assert.ok(turns > 1);
});

test('sorts an empty list', async () => {
  assert.equal(await sortedInSlices([], () => 0), []);
});

test('idle resolves when the last task has ended', async () => {
  const slices = new Slices();
  await slices.idle();
  let left = 3;
  slices.add(() => --left === 0);
  await slices.idle();
  assert.is(left, 0);
});

test('a task that throws does not stop the other tasks', async () => {
  const slices = new Slices();
  const failure = new Promise<Error>((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  slices.add(() => {
    throw new Error('broken');
  });
  let isDone = false;
  slices.add(() => {
    isDone = true;
    return true;
  });
  try {
    assert.is((await failure).message, 'broken');
    await new Promise((turned) => setImmediate(turned));
    assert.ok(isDone);
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
  }
  await slices.idle();
});

test('a sequence does work in order, and short work at once', async () => {
  const slices = new Slices();
  const events: string[] = [];
  const sequence = new Sequence(slices, {
    onBusy: () => events.push('busy'),
    onFree: () => events.push('free'),
    onError: (error) => events.push((error as Error).message),
  });
  let isReleased = false;
  function* until(done: () => boolean): Work {
    while (!done()) yield;
  }
  sequence.add(
    until(() => true),
    () => events.push('first'),
  );
  assert.equal(events, ['first']);
  sequence.add(
    until(() => isReleased),
    () => events.push('second'),
  );
  sequence.add(
    until(() => {
      throw new Error('third');
    }),
    () => events.push('never'),
  );
  sequence.add(
    until(() => true),
    () => events.push('fourth'),
  );
  assert.equal(events, ['first', 'busy']);
  isReleased = true;
  await slices.idle();
  assert.equal(events, ['first', 'busy', 'second', 'third', 'fourth', 'free']);
});

test('work that begins in the same turn shares a slice', async () => {
  const slices = new Slices();
  let isOver = false;
  const steps = Array.from({ length: 100 }, () => 0);
  function* counted(index: number): Work {
    while (!isOver) {
      steps[index] = (steps[index] ?? 0) + 1;
      yield;
    }
  }
  for (const index of steps.keys()) slices.run(counted(index));
  // The first task uses up the slice, so each of the other tasks does only one step.
  assert.equal(
    steps.slice(1),
    Array.from({ length: 99 }, () => 1),
  );
  isOver = true;
  await slices.idle();
});

test.run();
