import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { newSeed, shuffled } from '../../../src/harness/order.ts';

const letters = [...'abcdefghij'];

test('the same seed gives the same order on every machine', () => {
  assert.is(shuffled(letters, 1).join(''), shuffled(letters, 1).join(''));
  assert.is(shuffled(letters, 42).join(''), 'egbjfahdci');
});

test('an other seed gives an other order of the same items', () => {
  assert.is.not(shuffled(letters, 1).join(''), shuffled(letters, 2).join(''));
  assert.equal(shuffled(letters, 2).sort(), letters);
});

test('a new seed is a whole number that --seed takes', () => {
  assert.match(String(newSeed()), /^\d+$/);
});

test.run();
