// Tests the resume point of an input and the histogram of handler times.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { newCounts, observe, ResumePoint } from '../../../src/session/counts.ts';

function linesAfter(skipped: number, outcomes: readonly (readonly [line: number, isConfirmed: boolean])[]): number {
  const point = new ResumePoint(skipped);
  for (const [line, isConfirmed] of outcomes) point.count(line, isConfirmed);
  return point.lines;
}

test('the resume point is the number of leading confirmed lines', () => {
  assert.is(linesAfter(0, []), 0);
  assert.is(
    linesAfter(0, [
      [1, true],
      [2, true],
    ]),
    2,
  );
});

test('a confirmed line counts when all earlier lines are confirmed', () => {
  const point = new ResumePoint(0);
  for (const line of [3, 2]) point.count(line, true);
  assert.is(point.lines, 0);
  point.count(1, true);
  assert.is(point.lines, 3);
});

test('the resume point never passes an unconfirmed line', () => {
  const outcomes = [
    [1, true],
    [4, true],
    [3, false],
    [2, true],
    [5, true],
  ] as const;
  assert.is(linesAfter(0, outcomes), 2);
});

test('the resume point starts after the skipped lines', () => {
  assert.is(linesAfter(7, []), 7);
  assert.is(
    linesAfter(7, [
      [9, true],
      [8, true],
    ]),
    9,
  );
});

test('a value is in the first bucket whose bound it does not exceed', () => {
  const { handlerSeconds } = newCounts();
  for (const seconds of [0.001, 0.0011, 300, 301]) observe(handlerSeconds, seconds);
  const { bounds, counts, sum } = handlerSeconds;
  assert.is(counts.length, bounds.length + 1);
  assert.equal([counts[0], counts[1], counts.at(-2), counts.at(-1)], [1, 1, 1, 1]);
  assert.is(sum.toFixed(4), '601.0021');
});

test.run();
