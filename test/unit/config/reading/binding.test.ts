import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseBindingName } from '../../../../src/config/reading/binding.ts';

test('parses source, keys and destination from a name', () => {
  const cases: [string, object][] = [
    ['a -> b', { source: 'a', destination: 'b', keys: [] }],
    [' a->b ', { source: 'a', destination: 'b', keys: [] }],
    ['a[k] -> b', { source: 'a', destination: 'b', keys: ['k'] }],
    ['a [ k1, k2 k3 ] -> b', { source: 'a', destination: 'b', keys: ['k1', 'k2', 'k3'] }],
    ['a[*.x.#] -> b:c.d-e', { source: 'a', destination: 'b:c.d-e', keys: ['*.x.#'] }],
    ['a[x -> y] -> b', { source: 'a', destination: 'b', keys: ['x', '->', 'y'] }],
    ['my exchange -> my queue', { source: 'my exchange', destination: 'my queue', keys: [] }],
    ['a-b -> c', { source: 'a-b', destination: 'c', keys: [] }],
  ];
  for (const [name, parsed] of cases) assert.equal(parseBindingName(name), parsed, name);
});

test('returns no source and no destination for any other name', () => {
  for (const name of ['', 'a', '->', 'a ->', ' -> b', 'a[k] b', '[k] -> b', 'a[k -> b', 'a]k[ -> b', 'a -> b[k]']) {
    assert.equal(parseBindingName(name), { keys: [] }, name);
  }
});

test('parses a long hostile name in linear time', () => {
  const long = 2_000_000;
  for (const name of [' '.repeat(long), `a${' '.repeat(long)}`, `a${'['.repeat(long)}`]) {
    assert.equal(parseBindingName(name), { keys: [] });
  }
});

test.run();
