// Tests the check of the order in which a reader handles a stream.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Progress } from './progress.ts';

/** Returns what a reader violates that handles these offsets, each with success. */
function handleAll(progress: Progress, offsets: readonly number[]): string[] {
  return offsets.flatMap((offset) => progress.handle({ offset, attempt: 1, isFinal: true }));
}

test('a reader handles each message once and in order', () => {
  const progress = new Progress({ isSequential: true, keepsOffset: true });
  assert.equal(handleAll(progress, [0, 1, 2]), []);
  assert.equal(progress.missing(4), [3]);
  assert.equal(handleAll(progress, [4]), ['handled offset 4 instead of 3']);
  assert.equal(handleAll(progress, [4]), ['handled offset 4 twice in one process']);
});

test('accepts another attempt of the same message', () => {
  const progress = new Progress({ isSequential: true, keepsOffset: true });
  assert.equal(progress.handle({ offset: 0, attempt: 1, isFinal: false }), []);
  assert.equal(progress.missing(1), [0]);
  assert.equal(progress.handle({ offset: 0, attempt: 2, isFinal: true }), []);
  assert.equal(progress.missing(1), []);
});

test('a killed reader repeats only messages that were not stored', () => {
  const progress = new Progress({ isSequential: true, keepsOffset: true });
  handleAll(progress, [0, 1, 2]);
  progress.settle(0);
  progress.settle(1);
  progress.begin();
  assert.equal(handleAll(progress, [2, 3]), []);
  progress.begin();
  assert.equal(handleAll(progress, [1]), ['handled offset 1 again, although it was stored']);
});

test('a reader that has ended continues with the next message', () => {
  const progress = new Progress({ isSequential: true, keepsOffset: true });
  handleAll(progress, [0, 1]);
  progress.end();
  progress.begin();
  assert.equal(handleAll(progress, [3]), ['handled offset 3 instead of 2']);
});

test('a reader without a store begins at the first message', () => {
  const progress = new Progress({ isSequential: true, keepsOffset: false });
  handleAll(progress, [0, 1]);
  progress.begin();
  assert.equal(handleAll(progress, [0]), []);
  progress.begin();
  assert.equal(handleAll(progress, [2]), ['handled offset 2 instead of 0']);
});

test('handlers that run at the same time end in any order', () => {
  const progress = new Progress({ isSequential: false, keepsOffset: true });
  assert.equal(handleAll(progress, [1, 0, 3]), []);
  for (const offset of [1, 0, 3]) progress.settle(offset);
  progress.begin();
  assert.equal(handleAll(progress, [2, 3]), []);
  assert.equal(handleAll(progress, [1]), ['handled offset 1 again, although it was stored']);
});

test.run();
