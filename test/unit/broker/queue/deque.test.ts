import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Deque } from '../../../../src/broker/queue/deque.ts';
import { randomOf } from '../../../support/random.ts';

test('a deque behaves like an array in a long random run', () => {
  const deque = new Deque<number>();
  const array: number[] = [];
  const { below: random } = randomOf(42);
  for (let step = 0; step < 50_000; step++) {
    // The deque grows to some thousands of values and shrinks again.
    const isGrowing = step % 10_000 < 6_000;
    const action = random(10);
    if (action < (isGrowing ? 5 : 2)) {
      deque.push(step);
      array.push(step);
    } else if (action < (isGrowing ? 7 : 3)) {
      deque.unshift(step);
      array.unshift(step);
    } else assert.is(deque.shift(), array.shift());
    assert.is(deque.length, array.length);
    assert.is(deque.first(), array[0]);
  }
  assert.equal([...deque], array);
  const at = Math.floor(array.length / 2);
  assert.is(deque.at(at), array[at]);
  assert.is(deque.at(array.length), undefined);
  assert.is(deque.at(-1), undefined);
});

test('inserts a value at its position in a sorted deque', () => {
  for (let wanted = 0; wanted <= 40; wanted++) {
    const deque = new Deque<number>();
    // This moves the head away from the start of the ring.
    for (let index = 0; index < 10; index++) deque.push(-1);
    for (let index = 0; index < 10; index++) deque.shift();
    const values = Array.from({ length: 20 }, (_, index) => index * 2 + 1);
    for (const value of values) deque.push(value);
    deque.insert(wanted, (other) => other > wanted);
    assert.equal(
      [...deque],
      [...values, wanted].sort((a, b) => a - b),
    );
  }
});

test('merges sorted values into a sorted deque', () => {
  const { below: random } = randomOf(7);
  for (let round = 0; round < 300; round++) {
    const sorted = () => Array.from({ length: random(40) }, () => random(50)).sort((a, b) => a - b);
    const [values, merged] = [sorted(), sorted()];
    const deque = new Deque<number>();
    for (const value of values) deque.push(value);
    deque.merge(merged, (one, other) => one < other);
    assert.equal(
      [...deque],
      [...values, ...merged].sort((a, b) => a - b),
    );
  }
});

test('removes a value once and keeps the order of the others', () => {
  const deque = new Deque<string>();
  for (const value of ['a', 'b', 'a', 'c']) deque.push(value);
  deque.remove('a');
  deque.remove('x');
  assert.equal([...deque], ['b', 'a', 'c']);
});

test.run();
