// Tests that properties which are received and sent again keep their bytes, unless they were changed.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesOfText, isPlainText, textOfBytes } from '../../../../src/session/byte-text.ts';
import { propertyBytes, readProperties } from '../../../../src/session/codec/content-header.ts';
import { taggedFields, valueOfJson } from '../../../../src/session/tagged-json.ts';
import { entry, longstr, nested, uint } from '../../../support/raw-message.ts';

const noText = Buffer.from('fffe80', 'hex');
const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};

/** Headers of every type, in the forms that amqplib's codec would change. */
const fields: Readonly<Record<string, Buffer>> = {
  big: entry('big', 'l', int64(9_007_199_254_740_993n)),
  most: entry('most', 'l', int64(2n ** 63n - 1n)),
  small: entry('small', 'l', int64(5n)),
  other: entry('other', 'L', int64(6n)),
  short: entry('short', 's', uint(7, 2)),
  wide: entry('wide', 'u', uint(60_000, 2)),
  octet: entry('octet', 'B', uint(200, 1)),
  int: entry('int', 'I', uint(8, 4)),
  wideInt: entry('wideInt', 'i', uint(4_000_000_000, 4)),
  zero: entry('zero', 'd', double(-0)),
  nan: entry('nan', 'd', double(Number.NaN)),
  float: entry('float', 'f', Buffer.from('3dcccccd', 'hex')),
  text: entry('text', 'S', longstr(noText)),
  bytes: entry('bytes', 'x', longstr(noText)),
  time: entry('time', 'T', Buffer.alloc(8, 0xff)),
  decimal: entry('decimal', 'D', Buffer.from('02ffffffff', 'hex')),
  none: entry('none', 'V', Buffer.alloc(0)),
  yes: entry('yes', 't', uint(7, 1)),
  list: entry('list', 'A', longstr(Buffer.concat([Buffer.from('S'), longstr(noText), Buffer.from('b\x05')]))),
  table: entry('table', 'F', longstr(Buffer.concat([entry('!', 'b', uint(1, 1)), entry('a', 'b', uint(2, 1))]))),
  deep: entry('deep', 'F', longstr(nested(15_000, 'F'))),
  ['__proto__']: entry('__proto__', 'b', uint(1, 1)),
};

/**
 * Returns the bytes of a property list: flags, headers with the given fields, correlation id, reply-to and timestamp.
 */
function properties(table: readonly Buffer[]): Buffer {
  const short = Buffer.concat([uint(3, 1), noText]);
  return Buffer.concat([
    Buffer.from('2640', 'hex'), // headers, correlation id, reply-to, timestamp
    longstr(Buffer.concat(table)),
    short,
    short,
    Buffer.alloc(8, 0xff),
  ]);
}

const all = [...Object.values(fields), entry(noText, 'S', longstr('a name')), entry('int', 'S', longstr('twice'))];

test('unchanged properties are sent again with the same bytes', () => {
  const bytes = properties(all);
  const read = readProperties(bytes);
  assert.ok(propertyBytes(read).equals(bytes));
  const copy = { ...read, headers: { ...read.headers } };
  assert.ok(propertyBytes(copy).equals(bytes));
});

test('a changed property or header does not change the others', () => {
  const read = readProperties(properties(all));
  const { list: _, ...headers } = read.headers ?? {};
  const changed = { ...read, messageId: 'new', headers: { ...headers, small: 6, added: 'x' } };
  const kept = all.filter((field) => field !== fields['list'] && field !== fields['small']);
  const again = readProperties(propertyBytes(changed));
  const expected = properties([...kept, entry('small', 'I', uint(6, 4)), entry('added', 'S', longstr('x'))]);
  assert.is(again.messageId, 'new');
  const { messageId: __, ...rest } = again;
  assert.ok(propertyBytes(rest).equals(expected));
});

test('reads values without loss, except a table that is nested too deeply', () => {
  const { headers = {}, unreadable, timestamp, correlationId } = readProperties(properties(all));
  assert.is(headers['big'], 9_007_199_254_740_993n);
  assert.is(headers['small'], 5);
  assert.ok(Object.is(headers['zero'], -0));
  assert.equal(bytesOfText(String(headers['text'])), noText);
  assert.equal(headers['bytes'], noText);
  assert.equal(headers['time'], { '!': 'timestamp', value: 2n ** 64n - 1n });
  assert.equal(headers['table'], { '!': 'table', value: { '!': 1, a: 2 } });
  assert.ok(Object.hasOwn(headers, '__proto__'));
  assert.match(unreadable ?? '', /deep/);
  assert.is(timestamp, 2n ** 64n - 1n);
  assert.equal(bytesOfText(correlationId ?? ''), noText);
});

test('tags values that JSON cannot express, and reads them back from JSON', () => {
  const { deep: _, int: __, ...headers } = readProperties(properties(all)).headers ?? {};
  const json = JSON.stringify(taggedFields(headers));
  assert.ok(json.isWellFormed() && !/\\u[dD][89a-fA-F]/.test(json), json);
  const tagged = JSON.parse(json) as Record<string, unknown>;
  assert.equal(tagged['big'], { '!': 'long', value: '9007199254740993' });
  assert.equal(tagged['zero'], { '!': 'double', value: '-0' });
  assert.equal(tagged['text'], { '!': 'string', base64: '//6A' });
  assert.equal(tagged['bytes'], { '!': 'binary', base64: '//6A' });
  assert.is(tagged['small'], 5);
  const alone = Object.entries(headers).flatMap(([name, value]) => Object.entries(taggedFields({ [name]: value })));
  assert.is(JSON.stringify(Object.fromEntries(alone)), json);
  const back = valueOfJson(json) as Record<string, unknown>;
  assert.equal(JSON.stringify(taggedFields(readProperties(propertyBytes({ headers: back })).headers ?? {})), json);
});

test('reads JSON without losing digits of integers or the type double', () => {
  assert.is(valueOfJson('9007199254740993'), 9_007_199_254_740_993n);
  assert.equal(valueOfJson('[5, 5.0, -0.0]'), [5, { '!': 'double', value: 5 }, { '!': 'double', value: -0 }]);
  for (const wrong of ['{"!":"no"}', '{', '{"!":7}']) assert.throws(() => valueOfJson(wrong));
});

for (const [value, hex] of [
  [5, '4900000005'],
  [-(2 ** 31), '6cffffffff80000000'],
  [2 ** 40, '6c0000010000000000'],
  [1.5, '643ff8000000000000'],
  [-0, '648000000000000000'],
  [2n ** 62n, '6c4000000000000000'],
  [{ '!': 'byte', value: 5 }, '6205'],
  [{ '!': 'long', value: '9223372036854775807' }, '6c7fffffffffffffff'],
  [null, '56'],
  [true, '7401'],
  [Buffer.from('ff', 'hex'), '7800000001ff'],
] as const) {
  test(`a header ${typeof value} is written as ${hex}`, () => {
    const bytes = propertyBytes({ headers: { a: value } });
    assert.is(bytes.toString('hex'), `2000${(2 + hex.length / 2).toString(16).padStart(8, '0')}0161${hex}`);
  });
}

test('writes a timestamp from a Date, and a number from text', () => {
  const written = (properties: object) => propertyBytes(properties).toString('hex');
  assert.is(written({ timestamp: new Date(5) }), written({ timestamp: 5 }));
  assert.is(written({ priority: '5' }), written({ priority: 5 }));
  assert.throws(() => propertyBytes({ timestamp: {} } as never));
  assert.throws(() => propertyBytes({ headers: 'text' } as never), /not a table/);
});

test('refuses a table in JSON whose value is not an object', () => {
  for (const value of ['null', '[1]', '"ab"']) {
    assert.throws(() => valueOfJson(`{"!":"table","value":${value}}`), /not an object/);
  }
  assert.throws(() => valueOfJson('{"!":"table"}'), /not an object/);
});

test('accepts the JSON form of a Buffer for a binary header', () => {
  const header = (value: unknown) => propertyBytes({ headers: { a: { '!': 'binary', value } } }).toString('hex');
  assert.is(header({ type: 'Buffer', data: [1, 2] }), header(Buffer.from([1, 2])));
});

test('refuses values that AMQP cannot represent', () => {
  for (const value of [2n ** 63n, { '!': 'byte', value: 128 }, { '!': 'int', value: 1.5 }, { '!': 'x' }, () => 1]) {
    assert.throws(() => propertyBytes({ headers: { a: value } }));
  }
  assert.throws(() => propertyBytes({ messageId: 'x'.repeat(256) }), /256 bytes/);
});

test('converts any bytes to text and back without loss', () => {
  for (let seed = 0; seed < 3000; seed += 1) {
    const bytes = Buffer.from(
      Array.from({ length: seed % 9 }, (_, at) => (Math.imul(seed + at, 2_654_435_761) >>> 13) & 0xff),
    );
    const text = textOfBytes(bytes);
    assert.ok(bytesOfText(text).equals(bytes), bytes.toString('hex'));
  }
  for (const text of ['', 'grüße', '😀\u{1f480}', '\ufffd']) {
    assert.is(textOfBytes(bytesOfText(text)), text);
    assert.ok(isPlainText(text));
  }
  assert.is(textOfBytes(Buffer.from('caf\xe9', 'latin1')), 'caf\udce9');
  assert.not.ok(isPlainText('caf\udce9'));
});

test.run();
