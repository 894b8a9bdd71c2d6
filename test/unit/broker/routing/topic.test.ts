// Topic matching, by a table. The answers are RabbitMQ 4.3.6's: one queue was bound with each pattern, each key was
// published, and what arrived was written down here (amqplib; exclusive queues; a topic exchange that is not durable).

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TopicTable } from '../../../../src/broker/routing/topic.ts';

/** Routing key → the patterns that match it, of all patterns that are named in the table. */
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

/** Those that match no key of the table. */
const matchless: readonly string[] = ['#b', '**'];

const patterns = [...new Set([...Object.values(answers).flat(), ...matchless])];

for (const [key, expected] of Object.entries(answers)) {
  test(`'${key}' goes where RabbitMQ sends it`, () => {
    const table = new TopicTable<string>();
    for (const pattern of patterns) table.add(pattern, pattern);
    assert.equal([...table.match(key)].sort(), expected.toSorted());
  });
}

test('what was removed matches no longer, and its words are gone', () => {
  const table = new TopicTable<string>();
  for (const pattern of patterns) table.add(pattern, pattern);
  for (const pattern of patterns) if (pattern !== 'a.b.c') table.remove(pattern, pattern);
  assert.equal([...table.match('a.b.c')], ['a.b.c']);
  assert.equal([...table.match('a.b')], []);
});

test('one pattern leads to several values, and each is removed alone', () => {
  const table = new TopicTable<string>();
  table.add('a.*', 'first');
  table.add('a.*', 'second');
  table.remove('a.*', 'first');
  table.remove('a.*', 'never there');
  table.remove('never.there', 'first');
  assert.equal([...table.match('a.b')], ['second']);
});

test('many hashes in a pattern do not make matching slow', () => {
  const table = new TopicTable<string>();
  const pattern = Array.from({ length: 60 }, () => '#.a').join('.');
  table.add(pattern, pattern);
  const key = Array.from({ length: 100 }, () => 'a').join('.');
  assert.equal([...table.match(`${key}.b`)], []);
  assert.equal([...table.match(key)], [pattern]);
});

test.run();
