// Checks that long strings are cut at characters, and that the cuts are reported.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { beginning, cutStrings, mapStrings } from '../../../src/mcp/strings.ts';

test('cuts long strings and reports their lengths by path', () => {
  const { value, cuts } = cutStrings({ body: 'a'.repeat(9), headers: { x: ['ok', 'é'.repeat(5)] }, n: 1 }, 8);
  assert.equal(value, { body: 'a'.repeat(8), headers: { x: ['ok', 'éééé'] }, n: 1 });
  assert.equal(cuts, { body: 9, 'headers.x[1]': 10 });
});

test('cuts base64 so that it can be decoded', () => {
  assert.equal(cutStrings({ body: 'AAAAAAAAAAAA' }, 10).value, { body: 'AAAAAAAA' });
});

test('cuts no character in two', () => {
  for (let bytes = 0; bytes <= 14; bytes += 1) {
    const text = beginning('a€😀é€', bytes);
    assert.ok(Buffer.byteLength(text) <= bytes && 'a€😀é€'.startsWith(text), `${bytes}: ${text}`);
  }
  assert.is(beginning('a€😀', 8), 'a€😀');
});

test('changes the names of fields, and replaces what is nested too deeply', () => {
  assert.equal(
    mapStrings({ secret: ['secret'] }, () => 'x'),
    { x: ['x'] },
  );
  let deep: unknown = 'secret';
  for (let level = 0; level < 10_000; level += 1) deep = [deep];
  assert.not.match(JSON.stringify(mapStrings({ deep }, (text) => text)), /secret/);
});

test.run();
