// Compares the patterns of a topic exchange with a plain regular expression, on random words.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { covers } from '../../../../src/session/tap.ts';
import { countOf, type Random, randomOf, seedOf } from '../../../support/random.ts';

const seed = seedOf('MQ_PATTERN_SEED');

/** Matches a routing key as AMQP 0-9-1, 3.1.3.3 defines it. */
function matches(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === '#') return matches(rest, words) || (words.length > 0 && matches(pattern, words.slice(1)));
  return words.length > 0 && (first === '*' || first === words[0]) && matches(rest, words.slice(1));
}

const wordsOf = (random: Random, words: readonly string[]) =>
  Array.from({ length: 1 + random.below(4) }, () => random.pick(words));

test('a key without wildcards is covered exactly if it matches', () => {
  const random = randomOf(seed);
  for (let trial = 0; trial < countOf('MQ_PATTERN_TRIALS', 20_000); trial += 1) {
    const pattern = wordsOf(random, ['a', 'b', '*', '#']);
    const key = wordsOf(random, ['a', 'b', 'c']);
    assert.is(covers(pattern.join('.'), key.join('.')), matches(pattern, key), `${pattern} ${key}, seed ${seed}`);
  }
});

test('each key of a covered pattern matches the outer pattern', () => {
  const random = randomOf(seed);
  let covered = 0;
  for (let trial = 0; trial < countOf('MQ_PATTERN_TRIALS', 20_000); trial += 1) {
    const [outer, inner] = [wordsOf(random, ['a', 'b', '*', '#']), wordsOf(random, ['a', 'b', '*', '#'])];
    if (!covers(outer.join('.'), inner.join('.'))) continue;
    covered += 1;
    for (let one = 0; one < 20; one += 1) {
      const key = inner.flatMap((word) => {
        if (word === '#') return Array.from({ length: random.below(3) }, () => random.pick(['a', 'b', 'c']));
        return [word === '*' ? random.pick(['a', 'b', 'c']) : word];
      });
      assert.ok(matches(outer, key), `${outer} covers ${inner}, but not ${key}, seed ${seed}`);
    }
  }
  assert.ok(covered > 1000, `${covered}`);
});

test('a pattern covers itself and nothing wider', () => {
  for (const [outer, inner, is] of [
    ['#', 'a.#.b', true],
    ['a.#', 'a', true],
    ['a.#', 'a.*', true],
    ['a.*', 'a.#', false],
    ['*', '#', false],
    ['#.#', '#', true],
    ['*.#', '#', false],
    ['', '', true],
  ] as const)
    assert.is(covers(outer, inner), is, `${outer} ${inner}`);
});

test('an empty key has no words', () => {
  assert.equal([covers('*', ''), covers('#', ''), covers('', ''), covers('', 'a')], [false, true, true, false]);
});

test.run();
