// Tests topic matching. The table contains the results of RabbitMQ 4.3.6, measured with amqplib: one exclusive queue was bound
// with each pattern, and each key was published.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TopicTable } from '../../../../src/broker/routing/topic.ts';

/** Routing key → all patterns of the table that match it. */
const answers: Readonly<Record<string, readonly string[]>> = {
  '': ['', '#', '#.#'],
  a: ['#', '*', 'a', 'a.#', '#.a', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', '#.*.#'],
  b: ['#', '*', '#.b', '#.#', '*.#', '#.*', '#.*.#'],
  A: ['#', '*', '#.#', '*.#', '#.*', '#.*.#', 'A'],
  'a.b': [
    '#',
    'a.b',
    'a.*',
    '*.b',
    'a.#',
    '#.b',
    '*.*',
    '#.#',
    '*.#',
    '#.*',
    'a.#.b',
    '#.a.#',
    'a.#.#',
    '#.*.#',
    '*.#.*',
  ],
  'b.a': ['#', '#.a', '*.*', '#.#', '*.#', '#.*', '#.a.#', '*.a.#', '#.*.#', '*.#.*'],
  'a.': ['#', 'a.*', 'a.#', '*.*', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', 'a.', '*.', '#.', '#.*.#', '*.#.*'],
  '.a': ['#', '#.a', '*.*', '#.#', '*.#', '#.*', '#.a.#', '.a', '.*', '.#', '*.a.#', '#.*.#', '*.#.*'],
  '.': ['#', '*.*', '#.#', '*.#', '#.*', '.', '*.', '.*', '#.', '.#', '#.*.#', '*.#.*'],
  '..': ['#', '#.#', '*.#', '#.*', '*.*.*', '..', '#.', '.#', '#.*.#', '*.#.*'],
  'a..b': [
    '#',
    'a.#',
    '#.b',
    '#.#',
    '*.#',
    '#.*',
    'a.#.b',
    'a.*.b',
    '#.a.#',
    'a.#.#',
    '*.*.*',
    'a..b',
    '#.*.#',
    '*.#.*',
  ],
  'a.b.c': [
    '#',
    'a.#',
    '#.#',
    '*.#',
    '#.*',
    '#.a.#',
    'a.#.#',
    '*.*.*',
    'a.#.*.c',
    'a.b.c',
    '#.*.#',
    '*.#.*',
    'a.#.b.#.c',
  ],
  'a.x.b': ['#', 'a.#', '#.b', '#.#', '*.#', '#.*', 'a.#.b', 'a.*.b', '#.a.#', 'a.#.#', '*.*.*', '#.*.#', '*.#.*'],
  'a.x.y.b': ['#', 'a.#', '#.b', '#.#', '*.#', '#.*', 'a.#.b', '#.a.#', 'a.#.#', '#.*.#', '*.#.*'],
  'a.a': ['#', 'a.*', 'a.#', '#.a', '*.*', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', '*.a.#', '#.*.#', '*.#.*'],
  'a.b.b': ['#', 'a.#', '#.b', '#.#', '*.#', '#.*', 'a.#.b', 'a.*.b', '#.a.#', 'a.#.#', '*.*.*', '#.*.#', '*.#.*'],
  'b.a.c': ['#', '#.#', '*.#', '#.*', '#.a.#', '*.*.*', '*.a.#', '#.*.#', '*.#.*'],
  'a.c': ['#', 'a.*', 'a.#', '*.*', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', '#.*.#', '*.#.*'],
  'a.x.c': ['#', 'a.#', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', '*.*.*', 'a.#.*.c', '#.*.#', '*.#.*'],
  '*': ['#', '*', '#.#', '*.#', '#.*', '#.*.#'],
  '#': ['#', '*', '#.#', '*.#', '#.*', '#.*.#'],
  'a.*': ['#', 'a.*', 'a.#', '*.*', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', '#.*.#', '*.#.*'],
  'a.#': ['#', 'a.*', 'a.#', '*.*', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', '#.*.#', '*.#.*'],
  'a*': ['#', '*', '#.#', '*.#', '#.*', '#.*.#', 'a*'],
  '##': ['#', '*', '#.#', '*.#', '#.*', '#.*.#', '##'],
  'a.b.c.c': ['#', 'a.#', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', 'a.#.*.c', '#.*.#', '*.#.*', 'a.#.b.#.c', '#.c.c'],
  'a.b.a.b.c': ['#', 'a.#', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', 'a.#.*.c', '#.*.#', '*.#.*', 'a.#.b.#.c'],
  'ä.b': ['#', '*.b', '#.b', '*.*', '#.#', '*.#', '#.*', '#.*.#', '*.#.*', 'ä.*'],
  'x.y.z': ['#', '#.#', '*.#', '#.*', '*.*.*', '#.*.#', '*.#.*'],
  'c.c.c': ['#', '#.#', '*.#', '#.*', '*.*.*', '#.*.#', '*.#.*', '#.c.c'],
  'a.x.b.c': ['#', 'a.#', '#.#', '*.#', '#.*', '#.a.#', 'a.#.#', 'a.#.*.c', '#.*.#', '*.#.*', 'a.#.b.#.c'],
};

/** Patterns that do not match any key of the table. */
const matchless: readonly string[] = ['#b', '**'];

const patterns = [...new Set([...Object.values(answers).flat(), ...matchless])];

for (const [key, expected] of Object.entries(answers)) {
  test(`'${key}' matches the same patterns as in RabbitMQ`, () => {
    const table = new TopicTable<string>();
    for (const pattern of patterns) table.add(pattern, pattern);
    assert.equal([...table.match(key)].sort(), expected.toSorted());
  });
}

test('a removed pattern does not match, and the others still match', () => {
  const table = new TopicTable<string>();
  for (const pattern of patterns) table.add(pattern, pattern);
  for (const pattern of patterns) if (pattern !== 'a.b.c') table.remove(pattern, pattern);
  assert.equal([...table.match('a.b.c')], ['a.b.c']);
  assert.equal([...table.match('a.b')], []);
});

test('a pattern with several values loses one value at a time', () => {
  const table = new TopicTable<string>();
  table.add('a.*', 'first');
  table.add('a.*', 'second');
  table.remove('a.*', 'first');
  table.remove('a.*', 'never there');
  table.remove('never.there', 'first');
  assert.equal([...table.match('a.b')], ['second']);
});

test('a pattern with many hashes does not slow down matching', () => {
  const table = new TopicTable<string>();
  const pattern = Array.from({ length: 60 }, () => '#.a').join('.');
  table.add(pattern, pattern);
  const key = Array.from({ length: 100 }, () => 'a').join('.');
  assert.equal([...table.match(`${key}.b`)], []);
  assert.equal([...table.match(key)], [pattern]);
});

test.run();
