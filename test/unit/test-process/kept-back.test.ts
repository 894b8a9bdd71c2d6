// Tests the messages that chaos keeps back.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KeptBack } from '../../../src/test-process/kept-back.ts';

test('a message returns after its successors, and not within their delivery', async () => {
  const kept = new KeptBack();
  let count = 0;
  kept.keep('q', 2, () => count++);
  kept.delivered('q');
  await Promise.resolve();
  assert.is(count, 0);
  kept.delivered('q');
  assert.is(count, 0);
  await Promise.resolve();
  assert.is(count, 1);
  assert.not(kept.has('q'));
});

test('messages of another queue do not overtake it', async () => {
  const kept = new KeptBack();
  let count = 0;
  kept.keep('q', 1, () => count++);
  kept.delivered('other');
  await Promise.resolve();
  assert.is(count, 0);
  assert.is(kept.release(), 1);
  assert.is(count, 1);
  assert.is(kept.release(), 0);
});

test('a message without successors returns after a time', async () => {
  const kept = new KeptBack();
  await new Promise<void>((resolve) => kept.keep('q', 3, resolve));
  assert.not(kept.has('q'));
});

test.run();
