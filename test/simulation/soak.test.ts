// Checks that a soak can fail.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Day } from './soak.ts';
import { growthOf } from './soak-run.ts';

function dayWith(day: number, changed: Partial<Day> = {}): Day {
  return { day, heapMB: 49, timers: 16, stepsPerMessage: 96, messages: 8620, faults: 144 * day, ...changed };
}

test('accepts a soak whose values differ only from day to day', () => {
  const days = [1, 2, 3, 4, 5, 6].map((day) => dayWith(day, { timers: 16 + (day % 3) }));
  assert.equal(growthOf(days), []);
});

test('reports heap, timers and steps that grow over the days', () => {
  const grown = (day: number) =>
    dayWith(day, { heapMB: 49 + 2 * day, timers: 16 + 2 * day, stepsPerMessage: 90 + 2 * day });
  assert.equal(growthOf([1, 2, 3, 4, 5, 6].map(grown)), [
    'heapMB grew from 52.0 to 60.0',
    'timers grew from 19.0 to 27.0',
    'stepsPerMessage grew from 93.0 to 101.0',
  ]);
});

test.run();
