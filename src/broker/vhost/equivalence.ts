// Whether a declaration may be, and says the same as what is there already: RabbitMQ's checks and texts.

import type { Arguments } from '../codec/arguments.ts';
import type { FieldValue } from '../codec/table.ts';
import { shownValue } from '../codec/table.ts';
import { ProtocolError } from '../protocol-error.ts';
import { argumentNames } from '../queue/arguments.ts';
import type { Queue } from '../queue/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import { isSame } from '../routing/headers.ts';
import type { ExchangeDeclaration, QueueDeclaration } from './declarations.ts';

/** AMQP 0-9-1, 1.7.2.1 and 1.6.2.1: names that begin so are the broker's own. */
export function assertFreeName(kind: 'queue' | 'exchange', name: string): void {
  // RabbitMQ takes it. Here it stands between the parts of a key, and AMQP 0-9-1, 3.1.3.2 has no such sign in a name.
  if (name.includes('\0')) throw new ProtocolError('PRECONDITION_FAILED', `${kind} name has a NUL in it`);
  if (!name.startsWith('amq.')) return;
  throw new ProtocolError('ACCESS_REFUSED', `${kind} name '${name}' contains reserved prefix 'amq.*'`);
}

export function assertSameExchange(known: Exchange, wanted: ExchangeDeclaration): void {
  const { what } = known;
  assertSameField('type', { current: known.type, received: wanted.type, what });
  assertSameField('durable', { current: known.isDurable, received: wanted.durable, what });
  assertSameField('auto_delete', { current: known.isAutoDelete, received: wanted.autoDelete, what });
  assertSameField('internal', { current: known.isInternal, received: wanted.internal, what });
  assertSameArguments(['alternate-exchange'], { current: known.arguments, received: wanted.arguments, what });
}

export function assertSameQueue(known: Queue, wanted: QueueDeclaration, owner: object | undefined): void {
  const { what } = known;
  if (known.owner !== (wanted.exclusive ? owner : undefined)) throw locked(known);
  assertSameField('durable', { current: known.isDurable, received: wanted.durable, what });
  assertSameField('auto_delete', { current: known.isAutoDelete, received: wanted.autoDelete, what });
  assertSameArguments(argumentNames(known.settings.type), {
    current: known.arguments,
    received: wanted.arguments,
    what,
  });
}

function assertSameField(
  name: string,
  { current, received, what }: { current: string | boolean; received: string | boolean; what: string },
): void {
  if (current === received) return;
  throw new ProtocolError(
    'PRECONDITION_FAILED',
    `inequivalent arg '${name}' for ${what}: received '${received}' but current is '${current}'`,
  );
}

export function locked(queue: Queue): ProtocolError {
  return new ProtocolError(
    'RESOURCE_LOCKED',
    `cannot obtain exclusive access to locked ${queue.what}. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  );
}

/** Throws 406 where a second declaration has another value than the first for one of the arguments. */
function assertSameArguments(
  names: readonly string[],
  { current, received, what }: { current: Arguments; received: Arguments; what: string },
): void {
  for (const name of names) {
    const [a, b] = [givenValue(current, name), givenValue(received, name)];
    if (a === b && a === undefined) continue;
    if (a !== undefined && b !== undefined && isSame(a, b) && isFloat(current, name) === isFloat(received, name))
      continue;
    const show = a !== undefined && b !== undefined ? shortly : typed;
    throw new ProtocolError(
      'PRECONDITION_FAILED',
      `inequivalent arg '${name}' for ${what}: received ${show(received, name)} but current is ${show(current, name)}`,
    );
  }
}

/** RabbitMQ: integers of all lengths are one class of types, and floating-point numbers are another. */
function isFloat(all: Arguments, name: string): boolean {
  return ['f', 'd'].includes(all.types[name] ?? '');
}

function shortly(all: Arguments, name: string): string {
  const value = givenValue(all, name) ?? null;
  return value === null ? 'none' : `'${shown(all, name, value)}'`;
}

function typed(all: Arguments, name: string): string {
  const value = all.get(name);
  if (value === undefined) return 'none';
  return `the value '${shown(all, name, value)}' of type '${all.typeName(name)}'`;
}

/** Formats a value as RabbitMQ does: a field without a value is 'undefined'. */
function shown(all: Arguments, name: string, value: FieldValue): string {
  if (value === null) return 'undefined';
  return isFloat(all, name) ? shownFloat(Number(value)) : shownValue(value);
}

/** Formats a float as Erlang does: in the shorter form of the two, and always with a point. */
function shownFloat(value: number): string {
  const withPoint = (digits: string) => (digits.includes('.') ? digits : `${digits}.0`);
  const [mantissa = '', exponent = '0'] = value.toExponential().split(/e\+?/);
  const [plain, scientific] = [withPoint(`${value}`), `${withPoint(mantissa)}e${exponent}`];
  return plain.length <= scientific.length ? plain : scientific;
}

/** RabbitMQ 4: no type is the default type. */
function givenValue(all: Arguments, name: string): FieldValue | undefined {
  const value = all.get(name);
  return value === undefined && name === 'x-queue-type' ? 'classic' : value;
}
