// A message keeps its bytes and types through a line of a recording.
//   MQ_RECORDING_SEED   selects the messages
//   MQ_RECORDING_COUNT  number of messages

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lineOfMessage, messageOfLine } from '../../../../src/roles/recording/line.ts';
import { propertyBytes, readProperties } from '../../../../src/session/codec/content-header.ts';
import { randomMessage } from '../../../support/corpus.ts';
import { countOf, randomOf, seedOf } from '../../../support/random.ts';
import { entry, long, longstr, uint } from '../../../support/raw-message.ts';

const seed = seedOf('MQ_RECORDING_SEED');
const count = countOf('MQ_RECORDING_COUNT', 2000);
const fields = { exchange: '', routingKey: 'orders', redelivered: false, time: 1_700_000_000_123, at: 0.5 };

function lineOf(properties: Buffer, body: Buffer = Buffer.from('x')): string {
  return lineOfMessage({ ...fields, body, properties: readProperties(properties) });
}

/** Returns the flags and properties of a message with these headers. */
function withHeaders(...headers: readonly Buffer[]): Buffer {
  return Buffer.concat([uint(0x2000, 2), longstr(Buffer.concat(headers))]);
}

for (const isPlain of [true, false]) {
  test(`keeps ${isPlain ? 'messages as RabbitMQ writes them' : 'all messages'} (seed ${seed})`, () => {
    const random = randomOf(seed);
    let raw = 0;
    for (let number = 0; number < count; number += 1) {
      const { properties, body } = randomMessage(random, { isPlain });
      const line = lineOf(properties, body);
      const back = messageOfLine(line);
      assert.equal(propertyBytes(back.properties), properties, `message ${number}: ${line}`);
      assert.equal(back.body, body, `message ${number}`);
      assert.equal([back.exchange, back.routingKey, back.time, back.at], ['', 'orders', 1_700_000_000_123, 0.5]);
      if (line.includes('"raw":')) raw += 1;
    }
    // Most messages are readable and can be changed with jq. The others have a header such as "7" after one such as "a".
    if (isPlain) assert.ok(raw < count / 3, `${raw} messages have "raw"`);
  });
}

test('writes each type in its own form', () => {
  const double = Buffer.alloc(8);
  double.writeDoubleBE(2);
  const line = lineOf(
    withHeaders(
      entry('int', 'I', uint(5, 4)),
      entry('byte', 'b', uint(5, 1)),
      entry('long', 'l', Buffer.from('7fffffffffffffff', 'hex')),
      entry('small', 'l', long(5)),
      entry('double', 'd', double),
      entry('float', 'f', Buffer.from('3fc00000', 'hex')),
      entry('time', 'T', long(1_700_000_000)),
      entry('bytes', 'x', longstr(Buffer.from([0xff]))),
      entry('!', 'F', longstr(entry('!', 'V', Buffer.alloc(0)))),
    ),
  );
  assert.equal(JSON.parse(line), {
    at: 0.5,
    time: '2023-11-14T22:13:20.123Z',
    body: 'x',
    encoding: 'utf8',
    fields: { exchange: '', routingKey: 'orders', redelivered: false },
    properties: {},
    headers: {
      int: 5,
      byte: { '!': 'byte', value: 5 },
      long: { '!': 'long', value: '9223372036854775807' },
      small: { '!': 'long', value: 5 },
      double: { '!': 'double', value: 2 },
      float: { '!': 'float', value: 1.5 },
      time: { '!': 'timestamp', value: 1_700_000_000 },
      bytes: { '!': 'binary', base64: '/w==' },
      '!': { '!': 'table', value: { '!': null } },
    },
  });
});

test('distinguishes no headers, empty headers and an empty property', () => {
  const none = JSON.parse(lineOf(uint(0, 2)));
  const empty = JSON.parse(lineOf(Buffer.concat([uint(0xa000, 2), uint(0, 1), uint(0, 4)])));
  assert.equal([none.properties, none.headers], [{}, undefined]);
  assert.equal([empty.properties, empty.headers], [{ contentType: '' }, {}]);
});

test('keeps the bytes of headers that JSON cannot express', () => {
  const twice = withHeaders(entry('a', 'I', uint(1, 4)), entry('a', 'I', uint(2, 4)));
  const sorted = withHeaders(entry('b', 'I', uint(1, 4)), entry('1', 'I', uint(2, 4)));
  for (const properties of [twice, sorted, withHeaders(entry('t', 't', uint(2, 1)))]) {
    const line = lineOf(properties);
    assert.is(JSON.parse(line).raw, properties.toString('base64'));
    assert.equal(propertyBytes(messageOfLine(line).properties), properties);
  }
});

test('refuses a line that is not a message', () => {
  const whole = JSON.parse(lineOf(uint(0, 2)));
  const changes: readonly object[] = [
    { body: 5 },
    { encoding: 'hex' },
    { fields: {} },
    { time: 'now' },
    { at: -1 },
    { properties: [] },
    { headers: 'none' },
    { headers: { a: { '!': 'byte', value: 1000 } } },
    { headers: { a: { '!': 'bite', value: 1 } } },
    { encoding: 'base64', body: 'msg 1' },
    { raw: 'AAA!' },
    { properties: { deliveryMode: 'x' } },
    { properties: { priority: 999 } },
    { properties: { messageId: 7 } },
    { properties: { timestamp: 1.5 } },
    { properties: { contentTyp: 'text/plain' } },
    { properties: { timestamp: 'today' } },
  ];
  for (const change of changes)
    assert.throws(
      () => messageOfLine(JSON.stringify({ ...whole, ...change })),
      (error: { code?: string }) => error.code === 'BAD_DATA',
      JSON.stringify(change),
    );
  assert.throws(() => messageOfLine('{"body":'), /it is not a message of a recording/);
});

test.run();
