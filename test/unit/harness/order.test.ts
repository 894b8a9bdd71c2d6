import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { newSeed, shuffled } from '../../../src/harness/order.ts';

const letters = [...'abcdefghij'];

test('the same seed results in the same order on every machine', () => {
  assert.is(shuffled(letters, 1).join(''), shuffled(letters, 1).join(''));
  assert.is(shuffled(letters, 42).join(''), 'egbjfahdci');
});

test('another seed results in another order of the same items', () => {
  assert.is.not(shuffled(letters, 1).join(''), shuffled(letters, 2).join(''));
  assert.equal(shuffled(letters, 2).sort(), letters);
});

test('a new seed is a whole number that --seed accepts', () => {
  assert.match(String(newSeed()), /^\d+$/);
});

test.run();
