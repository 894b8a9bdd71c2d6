import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Slices, sortedInSlices } from '../../../src/broker/slices.ts';

test('a long list is sorted over several turns, and equal items keep their order', async () => {
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

test('an empty list is sorted', async () => {
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

test.run();
