import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isOwned } from '../../../../src/topology/leftovers/owned-names.ts';

const rows: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
  ['orders', ['orders'], ['order', 'orders.a', 'my.orders', '']],
  ['orders.*', ['orders.', 'orders.a', 'orders.a.b', 'orders.*'], ['orders', 'ordersXa', 'x.orders.a']],
  ['*.dead', ['.dead', 'a.dead', 'a.dead.dead'], ['dead', 'a.dead.b', 'a_dead']],
  ['a*b*c', ['abc', 'aXbYc', 'abbbc', 'abcabc'], ['ab', 'ac', 'acb', 'abcd']],
  ['aa*aa', ['aaaa', 'aaXaa'], ['aaa', 'aa']],
  ['a**b', ['ab', 'a*b'], ['a', 'b']],
  ['a*b*b', ['abb', 'aXbb'], ['ab']],
  ['a.[b]', ['a.[b]'], ['a.b', 'aX[b]']],
  ['', [''], ['a']],
];

for (const [pattern, matching, others] of rows) {
  test(`'${pattern}' matches whole names`, () => {
    for (const name of matching) assert.ok(isOwned([pattern], name), name);
    for (const name of others) assert.not(isOwned([pattern], name), name);
  });
}

test('one of several patterns is enough', () => {
  assert.ok(isOwned(['a', 'b*'], 'bc'));
  assert.not(isOwned([], 'a'));
});

test('a pattern with many stars needs linear time', () => {
  assert.not(isOwned([`${'*a'.repeat(120)}*b`], 'a'.repeat(255)));
});

test.run();
