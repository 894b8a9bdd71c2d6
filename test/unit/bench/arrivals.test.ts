import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arrivals } from '../../../src/bench/arrivals.ts';
import { bodyMaker, markOf, runIdBytes } from '../../../src/bench/body.ts';

test('counts different messages and duplicates in any order', () => {
  const arrivals = new Arrivals();
  assert.equal(
    [5, 0, 5, 70_000, 1, 70_000].map((number) => arrivals.add(number)),
    [true, true, false, true, true, false],
  );
  assert.equal([arrivals.unique, arrivals.duplicates], [4, 2]);
  assert.equal([arrivals.has(5), arrivals.has(6)], [true, false]);
});

test('a message of a complete part is still a duplicate', () => {
  const arrivals = new Arrivals();
  for (let number = 0; number < 65_536; number += 1) arrivals.add(number);
  assert.equal([arrivals.add(3), arrivals.has(3), arrivals.unique], [false, true, 65_536]);
});

test('the number of incomplete parts is limited', () => {
  const arrivals = new Arrivals(2);
  for (const part of [0, 1, 2]) arrivals.add(part * 65_536);
  assert.is(arrivals.unique, 3);
  // The first part is closed, so that its missing messages stay missing.
  assert.is(arrivals.add(1), false);
  assert.is(arrivals.add(65_537), true);
});

test('a body carries its mark, and only that of its own run', () => {
  const [run, other] = [Buffer.alloc(runIdBytes, 1), Buffer.alloc(runIdBytes, 2)];
  const mark = { producer: 3, number: 4_000_000_000, intendedMs: 12.345 };
  const body = bodyMaker(run, 100)(mark);
  assert.is(body.length, 100);
  assert.equal(markOf(run, body), mark);
  assert.is(markOf(other, body), undefined);
  assert.is(markOf(run, Buffer.from('an order of the user, not a benchmark')), undefined);
  assert.is(markOf(run, body.subarray(0, 20)), undefined);
});

test.run();
