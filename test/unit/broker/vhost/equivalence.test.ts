// Tests repeated declarations: the differences that RabbitMQ refuses, and its error texts.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import type { Table } from '../../../../src/broker/codec/table.ts';
import { ProtocolError } from '../../../../src/broker/protocol-error.ts';
import { assertFreeName } from '../../../../src/broker/vhost/equivalence.ts';
import { place } from '../queue-place.ts';

interface Declared {
  readonly durable?: boolean;
  readonly exclusive?: boolean;
  readonly autoDelete?: boolean;
  readonly internal?: boolean;
  readonly type?: string;
  readonly arguments?: Table;
}

/** Two declarations, and the error text of the second one; `undefined` if they are equivalent. */
type Row = readonly [first: Declared, second: Declared, text: string | undefined];

const ttl = (value: Table[string]) => ({ arguments: { 'x-message-ttl': value } });

const queues: readonly Row[] = [
  [{}, {}, undefined],
  [
    {},
    { durable: false },
    "inequivalent arg 'durable' for queue 'x' in vhost '/': received 'false' but current is 'true'",
  ],
  [
    {},
    { autoDelete: true },
    "inequivalent arg 'auto_delete' for queue 'x' in vhost '/': received 'true' but current is 'false'",
  ],
  [{}, { exclusive: true }, "cannot obtain exclusive access to locked queue 'x' in vhost '/'."],
  [ttl(1), ttl(1), undefined],
  [ttl(1), ttl(2), "inequivalent arg 'x-message-ttl' for queue 'x' in vhost '/': received '2' but current is '1'"],
  [ttl(1), {}, "received none but current is the value '1' of type 'long'"],
  [{}, ttl(1), "received the value '1' of type 'long' but current is none"],
  [{}, { arguments: { 'x-queue-type': 'classic' } }, undefined],
  [{}, { arguments: { 'x-queue-type': 'quorum' } }, "received 'quorum' but current is 'classic'"],
  [{}, { arguments: { unknown: 1 } }, undefined],
];

for (const [first, second, text] of queues) {
  test(`queue ${shown(first)} and ${shown(second)}: ${text === undefined ? 'equivalent' : 'refused'}`, () => {
    const { vhost } = place();
    const declare = (declared: Declared) =>
      vhost.declareQueue(
        {
          queue: 'x',
          durable: true,
          exclusive: false,
          autoDelete: false,
          ...declared,
          arguments: argumentsOf(declared),
        },
        { forgetQueue: () => {} },
      );
    declare(first);
    expect(() => declare(second), text);
  });
}

const exchanges: readonly Row[] = [
  [{}, {}, undefined],
  [
    {},
    { type: 'fanout' },
    "inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'",
  ],
  [{}, { durable: false }, "inequivalent arg 'durable' for exchange 'x'"],
  [{}, { autoDelete: true }, "inequivalent arg 'auto_delete' for exchange 'x'"],
  [{}, { internal: true }, "inequivalent arg 'internal' for exchange 'x'"],
  [
    { arguments: { 'alternate-exchange': 'a' } },
    { arguments: { 'alternate-exchange': 'b' } },
    "inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received 'b' but current is 'a'",
  ],
  [{}, { arguments: { unknown: 1 } }, undefined],
];

for (const [first, second, text] of exchanges) {
  test(`exchange ${shown(first)} and ${shown(second)}: ${text === undefined ? 'equivalent' : 'refused'}`, () => {
    const { vhost } = place();
    const flags = { type: 'direct', durable: true, autoDelete: false, internal: false };
    const declare = (declared: Declared) =>
      vhost.declareExchange({ exchange: 'x', ...flags, ...declared, arguments: argumentsOf(declared) });
    declare(first);
    expect(() => declare(second), text);
  });
}

const names: readonly (readonly [name: string, code: number | undefined])[] = [
  ['mine', undefined],
  ['amq', undefined],
  ['AMQ.mine', undefined],
  ['amq.mine', 403],
  ['a\0b', 406],
];

for (const kind of ['queue', 'exchange'] as const) {
  for (const [name, code] of names) {
    test(`${kind} name ${JSON.stringify(name)}: ${code ?? 'allowed'}`, () => {
      assert.is(refusalOf(() => assertFreeName(kind, name))?.replyCode, code);
    });
  }
}

function argumentsOf({ arguments: values = {} }: Declared): Arguments {
  return Arguments.of(values);
}

function shown(declared: Declared): string {
  return JSON.stringify(declared);
}

function refusalOf(run: () => unknown): ProtocolError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.instance(error, ProtocolError);
    return error as ProtocolError;
  }
}

function expect(run: () => unknown, text: string | undefined): void {
  const refusal = refusalOf(run);
  if (text === undefined) assert.is(refusal?.replyText, undefined);
  else assert.ok(refusal?.replyText.includes(text), refusal?.replyText);
}

test.run();
