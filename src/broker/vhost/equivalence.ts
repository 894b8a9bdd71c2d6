// Checks that a declaration uses an allowed name, and that a repeated declaration is equivalent to the first one. The error
// texts are those of RabbitMQ.

import type { Arguments } from '../codec/arguments.ts';
import type { FieldValue } from '../codec/table.ts';
import { shownValue } from '../codec/table.ts';
import { ProtocolError } from '../protocol-error.ts';
import { ageMs, argumentNames } from '../queue/arguments.ts';
import type { Queue } from '../queue/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import { isSame } from '../routing/headers.ts';
import type { ExchangeDeclaration, QueueDeclaration } from './declarations.ts';

/**
 * Throws if clients may not declare this name. AMQP 0-9-1, 1.7.2.1 and 1.6.2.1: names that begin with `amq.` are reserved.
 */
export function assertFreeName(kind: 'queue' | 'exchange', name: string): void {
  // RabbitMQ accepts NUL. This broker does not, because NUL separates the parts of its keys (AMQP 0-9-1, 3.1.3.2 forbids it).
  if (name.includes('\0')) throw new ProtocolError('PRECONDITION_FAILED', `${kind} name contains a NUL character`);
  if (!name.startsWith('amq.')) return;
  throw new ProtocolError('ACCESS_REFUSED', `${kind} name '${name}' contains reserved prefix 'amq.*'`);
}

/** Throws 406 if the declaration differs from the exchange. */
export function assertSameExchange(exchange: Exchange, declaration: ExchangeDeclaration): void {
  const { what } = exchange;
  assertSameField('type', { current: exchange.type, received: declaration.type, what });
  assertSameField('durable', { current: exchange.isDurable, received: declaration.durable, what });
  assertSameField('auto_delete', { current: exchange.isAutoDelete, received: declaration.autoDelete, what });
  assertSameField('internal', { current: exchange.isInternal, received: declaration.internal, what });
  const both = { current: exchange.arguments, received: declaration.arguments, what };
  assertSameArguments(['alternate-exchange'], both);
}

/**
 * Throws 406 if the declaration differs from the queue. Throws 405 if only one of them is exclusive, or if the exclusive
 * queue does not belong to `owner`.
 */
export function assertSameQueue(queue: Queue, declaration: QueueDeclaration, owner: object | undefined): void {
  const { what } = queue;
  if (queue.owner !== (declaration.exclusive ? owner : undefined)) throw locked(queue);
  assertSameField('durable', { current: queue.isDurable, received: declaration.durable, what });
  assertSameField('auto_delete', { current: queue.isAutoDelete, received: declaration.autoDelete, what });
  const both = { current: queue.arguments, received: declaration.arguments, what };
  assertSameArguments(argumentNames(queue.settings.type), both);
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

/** Returns RabbitMQ's error for a queue that is exclusive to another connection. */
export function locked(queue: Queue): ProtocolError {
  return new ProtocolError(
    'RESOURCE_LOCKED',
    `cannot obtain exclusive access to locked ${queue.what}. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  );
}

function assertSameArguments(
  names: readonly string[],
  { current, received, what }: { current: Arguments; received: Arguments; what: string },
): void {
  for (const name of names) {
    const [a, b] = [argumentOf(current, name), argumentOf(received, name)];
    if (a === undefined && b === undefined) continue;
    if (a !== undefined && b !== undefined && isSame(a, b) && isFloat(current, name) === isFloat(received, name))
      continue;
    const show = a !== undefined && b !== undefined ? shownValueOf : shownWithType;
    throw new ProtocolError(
      'PRECONDITION_FAILED',
      `inequivalent arg '${name}' for ${what}: received ${show(received, name)} but current is ${show(current, name)}`,
    );
  }
}

/** RabbitMQ: integers of all lengths are equivalent types, but an integer and a float are not equivalent. */
function isFloat(all: Arguments, name: string): boolean {
  return ['f', 'd'].includes(all.types[name] ?? '');
}

function shownValueOf(all: Arguments, name: string): string {
  const value = argumentOf(all, name) ?? null;
  return value === null ? 'none' : `'${shown(all, name, value)}'`;
}

function shownWithType(all: Arguments, name: string): string {
  const value = all.get(name);
  if (value === undefined) return 'none';
  return `the value '${shown(all, name, argumentOf(all, name) ?? value)}' of type '${all.typeName(name)}'`;
}

/** Formats a value as RabbitMQ does, with 'undefined' for a field without a value. */
function shown(all: Arguments, name: string, value: FieldValue): string {
  if (value === null) return 'undefined';
  return isFloat(all, name) ? shownFloat(Number(value)) : shownValue(value);
}

/** Formats a float as Erlang does: in plain or scientific notation, whichever is shorter, and always with a point. */
function shownFloat(value: number): string {
  const withPoint = (digits: string) => (digits.includes('.') ? digits : `${digits}.0`);
  const [mantissa = '', exponent = '0'] = value.toExponential().split(/e\+?/);
  const [plain, scientific] = [withPoint(`${value}`), `${withPoint(mantissa)}e${exponent}`];
  return plain.length <= scientific.length ? plain : scientific;
}

/**
 * Returns the value that is compared. RabbitMQ 4: a declaration without x-queue-type declares a classic queue, and ages are
 * compared in milliseconds.
 */
function argumentOf(all: Arguments, name: string): FieldValue | undefined {
  const value = all.get(name);
  if (name === 'x-max-age' && typeof value === 'string') return String(ageMs(value) ?? value);
  return value === undefined && name === 'x-queue-type' ? 'classic' : value;
}
