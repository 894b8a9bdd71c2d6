// Compares the patterns of schemas with those of JavaScript, whose syntax and meaning JSON Schema uses.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compilePattern } from '../../../src/contracts/patterns.ts';

const texts = [
  ...['', 'a', 'A', 'ab', ' ', '\u00a0', '\ufeff', '\n', '\r', '\u2028', '[', ']', '^', '-', '\\', '/', 'é', 'ж', '😀'],
  ...['1', '_', 'a1', '\u0000', '\b', '\u0001', 'aa-12', 'a]', 'x.y', '٣', '\v', '.'],
];

const patterns = [
  ...[
    '^\\s$',
    '^\\S$',
    '^[\\s\\d]$',
    '^[^\\s]$',
    '^[^\\S]$',
    '^.$',
    '^[.]$',
    '[^]',
    '[]',
    '^[[]$',
    '^[\\]a]$',
    '^[\\b]$',
  ],
  ...['^\\cA$', '^\\u0041$', '^\\ud83d\\ude00$', '^\\u{1F600}$', '^\\p{Letter}$', '^\\P{L}$', '^\\p{Script=Cyrillic}$'],
  ...[
    '^\\p{Lu}$',
    '^(?<y>a)(b)?$',
    '^\\w+$',
    '^\\/$',
    '^[\\-a]$',
    '^\\0$',
    'a$',
    '^[^a]$',
    '^[a^]$',
    '^\\^$',
    '^[\\^]$',
  ],
  ...[
    '^(a|b)*?$',
    '\\bx\\b',
    '^\\d$',
    '^[^^]$',
    '^[[^a]+$',
    '^[\\[^]$',
    '^\\p{Nd}$',
    '^\\v$',
    '^[(?=]$',
    '^\\p{gc=Ll}$',
  ],
];

for (const pattern of patterns) {
  test(`matches the same texts as JavaScript: ${pattern}`, () => {
    const { test: matches } = compilePattern(pattern);
    const expected = new RegExp(pattern, 'u');
    assert.equal(
      texts.filter(matches),
      texts.filter((text) => expected.test(text)),
    );
  });
}

test('refuses patterns that need backtracking', () => {
  for (const pattern of ['(?=a)', '(?!a)', '(?<=a)', '(?<!a)', '(a)\\1', '(?<n>a)\\k<n>'])
    assert.throws(() => compilePattern(pattern), /needs backtracking/, pattern);
});

test('refuses patterns that JavaScript refuses, and repeats that RE2 refuses', () => {
  for (const pattern of ['(', '[a-', '\\Z', '[[:alpha:]]', '\\1', '\\k<a>', '{', 'a{1001}'])
    assert.throws(
      () => compilePattern(pattern),
      (error: unknown) => error instanceof SyntaxError,
      pattern,
    );
});

test.run();
