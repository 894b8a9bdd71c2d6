// Tests the matching of a headers exchange. The table contains the results of RabbitMQ 4.3.6, measured with amqplib.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import type { Table } from '../../../../src/broker/codec/table.ts';
import { headersMatcher } from '../../../../src/broker/routing/headers.ts';

const messages: Record<string, Table> = {
  none: {},
  a: { a: 1 },
  ab: { a: 1, b: 'x' },
  b: { b: 'x' },
  xa: { 'x-a': 1 },
  text: { a: '1' },
  half: { a: 1.5 },
  rich: { l: [1, 2], t: { k: 1 }, f: true },
  nothing: { a: null },
  poor: { l: [2, 1], t: { k: 2 }, f: false },
};

const answers: readonly [binding: Table, messages: readonly string[]][] = [
  [{ 'x-match': 'all', a: 1, b: 'x' }, ['ab']],
  [{ 'x-match': 'any', a: 1, b: 'x' }, ['a', 'ab', 'b']],
  [{ a: 1 }, ['a', 'ab']],
  [{}, Object.keys(messages)],
  [{ 'x-match': 'any' }, []],
  [{ 'x-match': 'all', 'x-a': 1 }, Object.keys(messages)],
  [{ 'x-match': 'all-with-x', 'x-a': 1 }, ['xa']],
  [{ 'x-match': 'any-with-x', 'x-a': 1, q: 2 }, ['xa']],
  [{ a: null }, ['a', 'ab', 'text', 'half', 'nothing']],
  [{ a: '1' }, ['text']],
  [{ a: 1.5 }, ['half']],
  [{ l: [1, 2] }, ['rich']],
  [{ t: { k: 1 } }, ['rich']],
  [{ f: true }, ['rich']],
];

for (const [binding, expected] of answers) {
  test(`${JSON.stringify(binding)} matches ${expected.join(', ') || 'nothing'}`, () => {
    const matches = headersMatcher(Arguments.of(binding));
    const found = Object.entries(messages).filter(([, headers]) => matches(Arguments.of(headers)));
    assert.equal(
      found.map(([name]) => name),
      expected,
    );
  });
}

test('an integer equals an integer of another width, but not a double', () => {
  const field = (type: string, bytes: number[]) => {
    const row = Buffer.from([1, 0x61, type.charCodeAt(0), ...bytes]);
    return Arguments.decode(Buffer.concat([Buffer.from([0, 0, 0, row.length]), row]));
  };
  const matches = headersMatcher(field('I', [0, 0, 0, 1]));
  assert.ok(matches(field('b', [1])));
  assert.ok(matches(field('l', [0, 0, 0, 0, 0, 0, 0, 1])));
  assert.not(matches(field('d', [0x3f, 0xf0, 0, 0, 0, 0, 0, 0])));
});

test('refuses an unknown x-match', () => {
  assert.throws(
    () => headersMatcher(Arguments.of({ 'x-match': 'some' })),
    /Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x/,
  );
  assert.throws(() => headersMatcher(Arguments.of({ 'x-match': 5 })), /Invalid x-match field type .* expected longstr/);
});

test.run();
