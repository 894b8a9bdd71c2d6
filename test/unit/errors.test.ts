import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { escaped, safeJson } from '../../src/errors.ts';

test('escapes control characters in a line for people', () => {
  const hostile = 'a\u0000\u001b[2J\r\n\t\u007f\u009b2J\u2028\u202eb';
  assert.is(escaped(hostile), 'a\\x00\\x1b[2J\\x0d\\x0a\\x09\\x7f\\x9b2J\\u2028\\u202eb');
  assert.is(escaped('queue "é" 漢字 😀 \\'), 'queue "é" 漢字 😀 \\');
});

test('escapes control characters in JSON, which parses to the same text', () => {
  const hostile = { 'a\u009b': '\u001b\u007f\u0085\u2029\u2066é😀' };
  const text = safeJson(hostile);
  assert.is(text, '{"a\\u009b":"\\u001b\\u007f\\u0085\\u2029\\u2066é😀"}');
  assert.equal(JSON.parse(text), hostile);
});

test.run();
