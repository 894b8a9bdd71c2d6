import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bodyOf, exchangeAt, indented, oneLine, originOf, visible } from '../../../src/web/page/text.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('shows invisible characters as code points', () => {
  assert.is(visible('a\u202eb\u0000c\u200bd\ne\tf'), 'a\\u202eb\\u0000c\\u200bd\ne\tf');
  assert.is(oneLine('a\n  b\r\nc'), 'a b c');
  assert.is(oneLine('x'.repeat(301)), `${'x'.repeat(300)}…`);
});

test('shows text with its size', () => {
  assert.equal(bodyOf(bytes('ü'), 2), { kind: 'text', short: 'ü', long: 'ü', size: '2 bytes' });
  assert.is(bodyOf(bytes(''), 0).size, '0 bytes');
});

test('shows text that was truncated inside a character', () => {
  const { kind, long, size } = bodyOf(bytes('aü').subarray(0, 2), 5000);
  assert.equal([kind, long, size], ['text', 'a', '5,000 bytes, the first 1 characters are shown']);
});

test('shows other bytes in hexadecimal, sixteen a line', () => {
  const { kind, long, size } = bodyOf(Uint8Array.from([255, ...bytes('abcdefghijklmnop')]), 17);
  assert.is(kind, 'bytes');
  assert.is(
    long,
    '0000  ff 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f  .abcdefghijklmno\n0010  70                                               p',
  );
  assert.is(size, '17 bytes');
  assert.is(bodyOf(new Uint8Array(1000).fill(255), 1000).size, '1,000 bytes, the first 256 are shown');
});

test('indents JSON without changing its tokens', () => {
  assert.is(
    indented(' {"a":9007199254740993, "b" : [1.0,-0,{},[ ]],"c":"x\\"{,: y","d":null} '),
    '{\n  "a": 9007199254740993,\n  "b": [\n    1.0,\n    -0,\n    {},\n    []\n  ],\n  "c": "x\\"{,: y",\n  "d": null\n}',
  );
  for (const text of ['{"a":1', '"text"', '12', '', '[x]', 'plain {"a":1}']) assert.is(indented(text), text);
});

test('does not indent JSON that is nested deeper than 64 levels', () => {
  const nested = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;
  assert.match(indented(nested(64)), '\n');
  for (const levels of [65, 30_000]) assert.is(indented(nested(levels)), nested(levels));
  assert.is(bodyOf(bytes(nested(30_000)), 60_001).kind, 'text');
});

test("parses RabbitMQ's destinations", () => {
  assert.equal(originOf('/exchange/logs/'), { exchange: 'logs', key: '' });
  assert.equal(originOf('/exchange/a%2Fb/c%2Fd%23'), { exchange: 'a/b', key: 'c/d%23' });
  assert.equal(originOf('/topic/a.b'), { exchange: 'amq.topic', key: 'a.b' });
  assert.equal(originOf('/queue/task'), { exchange: '', key: 'task' });
  assert.equal(originOf(exchangeAt('a/b', '#.c/d')), { exchange: 'a/b', key: '#.c/d' });
});

test.run();
