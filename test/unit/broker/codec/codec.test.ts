import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import { decodeMethod, encodeMethod, type MethodName, methods } from '../../../../src/broker/codec/methods.ts';
import {
  type BasicProperties,
  changeProperties,
  decodeProperties,
  encodeProperties,
  scanProperties,
} from '../../../../src/broker/codec/properties.ts';
import { Decimal, decodeTable, encodeTable, type Table, Timestamp } from '../../../../src/broker/codec/table.ts';
import { ProtocolError } from '../../../../src/broker/protocol-error.ts';

const samples = {
  bit: true,
  octet: 7,
  short: 60_000,
  long: 4_000_000_000,
  longlong: 2 ** 40 + 5,
  shortstr: 'schön',
  longstr: Buffer.from('any bytes'),
  table: { a: 1, b: 'text' },
};

for (const [name, { fields }] of Object.entries(methods)) {
  test(`${name} is decoded as it was encoded`, () => {
    const values = Object.fromEntries(fields.map(([field, domain]) => [field, samples[domain]]));
    const bytes = encodeMethod(name as MethodName, values as never);
    const method = decodeMethod(bytes, 0, bytes.length);
    assert.is(method.name, name);
    const read = Object.entries(method.fields).map(([field, value]) => [
      field,
      value instanceof Arguments ? { ...value.values } : value,
    ]);
    assert.equal(Object.fromEntries(read), values);
  });
}

test('refuses a name that is not UTF-8, and accepts U+FFFD', () => {
  const frame = encodeMethod('queue.delete', {
    ticket: 0,
    queue: 'name',
    ifUnused: false,
    ifEmpty: false,
    noWait: false,
  });
  frame[8] = 0xff;
  assert.throws(() => decodeMethod(frame, 0, frame.length), hasCode(502));
  const replacement = encodeMethod('queue.delete', {
    ticket: 0,
    queue: '\u{FFFD}',
    ifUnused: false,
    ifEmpty: false,
    noWait: false,
  });
  assert.is(decodeMethod(replacement, 0, replacement.length).name, 'queue.delete');
});

test('adjacent bits share an octet, and the first bit is the lowest', () => {
  const bytes = encodeMethod('queue.declare', {
    ticket: 0,
    queue: '',
    passive: false,
    durable: true,
    exclusive: false,
    autoDelete: true,
    noWait: false,
    arguments: {},
  });
  assert.is(bytes[7], 0b01010);
});

test('refuses an unknown method with 503, and a truncated one with 501', () => {
  assert.throws(() => decodeMethod(Buffer.from([0, 99, 0, 1]), 0, 4), hasCode(503));
  const whole = encodeMethod('queue.delete', { ticket: 0, queue: 'q', ifUnused: false, ifEmpty: false, noWait: false });
  for (let end = 4; end < whole.length; end++) assert.throws(() => decodeMethod(whole, 0, end), hasCode(501));
});

const table: Table = {
  true: true,
  small: -5,
  large: 2 ** 40,
  huge: 2n ** 62n,
  fraction: 1.25,
  text: 'héllo',
  empty: '',
  nothing: null,
  bytes: Buffer.from([0xff, 0xfe, 0]),
  time: new Timestamp(1_700_000_000),
  price: new Decimal(2, 1999),
  list: [1, 'two', [3], null],
  table: { inner: { deep: true } },
};

test('a field table is decoded as it was encoded', () => {
  const read = decodeTable(encodeTable(table));
  assert.is(Object.getPrototypeOf(read), null);
  assert.equal(plain(read), plain(table));
});

test('decodes fields of every boolean, number, string and void type', () => {
  const fields: [type: string, bytes: number[], value: unknown][] = [
    ['t', [1], true],
    ['b', [0xff], -1],
    ['B', [0xff], 255],
    ['s', [0xff, 0xfe], -2],
    ['u', [0xff, 0xfe], 65_534],
    ['I', [0xff, 0xff, 0xff, 0xfd], -3],
    ['i', [0xff, 0xff, 0xff, 0xfd], 4_294_967_293],
    ['l', [0, 0, 0, 1, 0, 0, 0, 0], 2 ** 32],
    ['f', [0x3f, 0x80, 0, 0], 1],
    ['d', [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ['V', [], null],
    ['S', [0, 0, 0, 1, 0x41], 'A'],
    ['x', [0, 0, 0, 1, 0x41], Buffer.from('A')],
  ];
  for (const [type, bytes, value] of fields) {
    const field = Buffer.from([1, 0x6b, type.charCodeAt(0), ...bytes]);
    const all = Arguments.decode(Buffer.concat([Buffer.from([0, 0, 0, field.length]), field]));
    assert.equal(all.get('k'), value, type);
    assert.is(all.types['k'], type);
  }
});

test('the key __proto__ is a normal field', () => {
  const field = Buffer.from([9, ...Buffer.from('__proto__'), 0x74, 1]);
  const read = decodeTable(Buffer.concat([Buffer.from([0, 0, 0, field.length]), field]));
  assert.equal(Object.keys(read), ['__proto__']);
  assert.is(Object.getPrototypeOf(read), null);
});

test('refuses a truncated or too deep table, and a field of unknown type', () => {
  let deep: Table = {};
  for (let depth = 0; depth < 100; depth++) deep = { deep };
  assert.throws(() => decodeTable(encodeTable(deep)), hasCode(502));
  assert.throws(() => decodeTable(Buffer.from([0, 0, 0, 3, 1, 0x6b, 0x7a])), hasCode(502));
  const whole = encodeTable(table);
  for (let end = 0; end < whole.length; end++) assert.throws(() => decodeTable(whole.subarray(0, end)), hasCode(501));
});

const properties: BasicProperties = {
  contentType: 'text/plain',
  contentEncoding: 'gzip',
  headers: { a: 'x' },
  deliveryMode: 2,
  priority: 9,
  correlationId: 'c',
  replyTo: 'r',
  expiration: '1000',
  messageId: 'm',
  timestamp: 1_700_000_000,
  type: 't',
  userId: 'u',
  appId: 'app',
  clusterId: 'cl',
};

test('properties are decoded as they were encoded, together and alone', () => {
  const read = (values: BasicProperties) => {
    const { headers, ...rest } = decodeProperties(encodeProperties(values));
    return headers === undefined ? rest : { ...rest, headers: { ...headers } };
  };
  assert.equal(read(properties), properties);
  for (const [name, value] of Object.entries(properties)) assert.equal(read({ [name]: value }), { [name]: value });
});

test('scans the properties that the broker uses, and refuses malformed ones', () => {
  const bytes = encodeProperties({ ...properties, headers: { a: [1, { b: 2 }], CC: ['k'], BCC: 5 } });
  const scan = scanProperties(bytes, 0, bytes.length);
  assert.is(scan.deliveryMode, 2);
  assert.is(scan.priority, 9);
  assert.is(scan.expiration, '1000');
  assert.is(scan.userId, 'u');
  assert.is(scan.replyTo, 'r');
  assert.equal(scan.cc, { type: 'A', value: ['k'] });
  assert.equal(scan.bcc, { type: 'l', value: 5 });
  for (let end = 2; end < bytes.length; end++) assert.throws(() => scanProperties(bytes, 0, end), hasCode(501));
  assert.throws(() => scanProperties(Buffer.concat([bytes, Buffer.from([0])]), 0, bytes.length + 1), hasCode(501));
});

test('a change of properties keeps the bytes of unchanged headers', () => {
  // The broker's encoder never writes a 32-bit integer, so the test shows that these bytes are copied.
  const integer = Buffer.from([1, 0x61, 0x49, 0, 0, 0, 5]);
  const gone = Buffer.from([1, 0x62, 0x74, 1]);
  const headers = Buffer.concat([Buffer.from([0, 0, 0, integer.length + gone.length]), integer, gone]);
  const bytes = Buffer.concat([Buffer.from([0x21, 0]), headers, Buffer.from([2, 0x35, 0x30])]);
  const changed = changeProperties(bytes, bytes.length, { expiration: undefined, headers: { b: undefined, c: 'new' } });
  assert.equal(decodeProperties(changed).expiration, undefined);
  assert.equal({ ...decodeProperties(changed).headers }, { a: 5, c: 'new' });
  assert.ok(changed.includes(integer));
});

function hasCode(code: number): (error: unknown) => boolean {
  return (error) => error instanceof ProtocolError && error.replyCode === code;
}

function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

test.run();
