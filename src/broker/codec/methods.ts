// The methods of AMQP 0-9-1 (1.3 to 1.8) and of RabbitMQ's extensions. The table contains class id, method id and fields of
// each method. One codec uses it to encode and decode all methods.

import { ProtocolError } from '../protocol-error.ts';
import { Arguments } from './arguments.ts';
import { domainWriters, type Table } from './table.ts';
import { Reader, Writer } from './values.ts';

type Domain = 'bit' | 'octet' | 'short' | 'long' | 'longlong' | 'shortstr' | 'longstr' | 'table';
type Fields = readonly (readonly [name: string, domain: Domain])[];
interface Shape {
  readonly id: readonly [classId: number, methodId: number];
  readonly fields: Fields;
  readonly hasContent?: boolean;
}

export const methods = {
  'connection.start': {
    id: [10, 10],
    fields: [
      ['versionMajor', 'octet'],
      ['versionMinor', 'octet'],
      ['serverProperties', 'table'],
      ['mechanisms', 'longstr'],
      ['locales', 'longstr'],
    ],
  },
  'connection.start-ok': {
    id: [10, 11],
    fields: [
      ['clientProperties', 'table'],
      ['mechanism', 'shortstr'],
      ['response', 'longstr'],
      ['locale', 'shortstr'],
    ],
  },
  'connection.secure': { id: [10, 20], fields: [['challenge', 'longstr']] },
  'connection.secure-ok': { id: [10, 21], fields: [['response', 'longstr']] },
  'connection.tune': {
    id: [10, 30],
    fields: [
      ['channelMax', 'short'],
      ['frameMax', 'long'],
      ['heartbeat', 'short'],
    ],
  },
  'connection.tune-ok': {
    id: [10, 31],
    fields: [
      ['channelMax', 'short'],
      ['frameMax', 'long'],
      ['heartbeat', 'short'],
    ],
  },
  'connection.open': {
    id: [10, 40],
    fields: [
      ['virtualHost', 'shortstr'],
      ['reserved1', 'shortstr'],
      ['reserved2', 'bit'],
    ],
  },
  'connection.open-ok': { id: [10, 41], fields: [['reserved1', 'shortstr']] },
  'connection.close': {
    id: [10, 50],
    fields: [
      ['replyCode', 'short'],
      ['replyText', 'shortstr'],
      ['classId', 'short'],
      ['methodId', 'short'],
    ],
  },
  'connection.close-ok': { id: [10, 51], fields: [] },
  'connection.blocked': { id: [10, 60], fields: [['reason', 'shortstr']] },
  'connection.unblocked': { id: [10, 61], fields: [] },
  'connection.update-secret': {
    id: [10, 70],
    fields: [
      ['newSecret', 'longstr'],
      ['reason', 'shortstr'],
    ],
  },
  'connection.update-secret-ok': { id: [10, 71], fields: [] },
  'channel.open': { id: [20, 10], fields: [['reserved1', 'shortstr']] },
  'channel.open-ok': { id: [20, 11], fields: [['reserved1', 'longstr']] },
  'channel.flow': { id: [20, 20], fields: [['active', 'bit']] },
  'channel.flow-ok': { id: [20, 21], fields: [['active', 'bit']] },
  'channel.close': {
    id: [20, 40],
    fields: [
      ['replyCode', 'short'],
      ['replyText', 'shortstr'],
      ['classId', 'short'],
      ['methodId', 'short'],
    ],
  },
  'channel.close-ok': { id: [20, 41], fields: [] },
  'access.request': {
    id: [30, 10],
    fields: [
      ['realm', 'shortstr'],
      ['exclusive', 'bit'],
      ['passive', 'bit'],
      ['active', 'bit'],
      ['write', 'bit'],
      ['read', 'bit'],
    ],
  },
  'access.request-ok': { id: [30, 11], fields: [['ticket', 'short']] },
  'exchange.declare': {
    id: [40, 10],
    fields: [
      ['ticket', 'short'],
      ['exchange', 'shortstr'],
      ['type', 'shortstr'],
      ['passive', 'bit'],
      ['durable', 'bit'],
      ['autoDelete', 'bit'],
      ['internal', 'bit'],
      ['noWait', 'bit'],
      ['arguments', 'table'],
    ],
  },
  'exchange.declare-ok': { id: [40, 11], fields: [] },
  'exchange.delete': {
    id: [40, 20],
    fields: [
      ['ticket', 'short'],
      ['exchange', 'shortstr'],
      ['ifUnused', 'bit'],
      ['noWait', 'bit'],
    ],
  },
  'exchange.delete-ok': { id: [40, 21], fields: [] },
  'exchange.bind': {
    id: [40, 30],
    fields: [
      ['ticket', 'short'],
      ['destination', 'shortstr'],
      ['source', 'shortstr'],
      ['routingKey', 'shortstr'],
      ['noWait', 'bit'],
      ['arguments', 'table'],
    ],
  },
  'exchange.bind-ok': { id: [40, 31], fields: [] },
  'exchange.unbind': {
    id: [40, 40],
    fields: [
      ['ticket', 'short'],
      ['destination', 'shortstr'],
      ['source', 'shortstr'],
      ['routingKey', 'shortstr'],
      ['noWait', 'bit'],
      ['arguments', 'table'],
    ],
  },
  'exchange.unbind-ok': { id: [40, 51], fields: [] },
  'queue.declare': {
    id: [50, 10],
    fields: [
      ['ticket', 'short'],
      ['queue', 'shortstr'],
      ['passive', 'bit'],
      ['durable', 'bit'],
      ['exclusive', 'bit'],
      ['autoDelete', 'bit'],
      ['noWait', 'bit'],
      ['arguments', 'table'],
    ],
  },
  'queue.declare-ok': {
    id: [50, 11],
    fields: [
      ['queue', 'shortstr'],
      ['messageCount', 'long'],
      ['consumerCount', 'long'],
    ],
  },
  'queue.bind': {
    id: [50, 20],
    fields: [
      ['ticket', 'short'],
      ['queue', 'shortstr'],
      ['exchange', 'shortstr'],
      ['routingKey', 'shortstr'],
      ['noWait', 'bit'],
      ['arguments', 'table'],
    ],
  },
  'queue.bind-ok': { id: [50, 21], fields: [] },
  'queue.purge': {
    id: [50, 30],
    fields: [
      ['ticket', 'short'],
      ['queue', 'shortstr'],
      ['noWait', 'bit'],
    ],
  },
  'queue.purge-ok': { id: [50, 31], fields: [['messageCount', 'long']] },
  'queue.delete': {
    id: [50, 40],
    fields: [
      ['ticket', 'short'],
      ['queue', 'shortstr'],
      ['ifUnused', 'bit'],
      ['ifEmpty', 'bit'],
      ['noWait', 'bit'],
    ],
  },
  'queue.delete-ok': { id: [50, 41], fields: [['messageCount', 'long']] },
  'queue.unbind': {
    id: [50, 50],
    fields: [
      ['ticket', 'short'],
      ['queue', 'shortstr'],
      ['exchange', 'shortstr'],
      ['routingKey', 'shortstr'],
      ['arguments', 'table'],
    ],
  },
  'queue.unbind-ok': { id: [50, 51], fields: [] },
  'basic.qos': {
    id: [60, 10],
    fields: [
      ['prefetchSize', 'long'],
      ['prefetchCount', 'short'],
      ['global', 'bit'],
    ],
  },
  'basic.qos-ok': { id: [60, 11], fields: [] },
  'basic.consume': {
    id: [60, 20],
    fields: [
      ['ticket', 'short'],
      ['queue', 'shortstr'],
      ['consumerTag', 'shortstr'],
      ['noLocal', 'bit'],
      ['noAck', 'bit'],
      ['exclusive', 'bit'],
      ['noWait', 'bit'],
      ['arguments', 'table'],
    ],
  },
  'basic.consume-ok': { id: [60, 21], fields: [['consumerTag', 'shortstr']] },
  'basic.cancel': {
    id: [60, 30],
    fields: [
      ['consumerTag', 'shortstr'],
      ['noWait', 'bit'],
    ],
  },
  'basic.cancel-ok': { id: [60, 31], fields: [['consumerTag', 'shortstr']] },
  'basic.publish': {
    id: [60, 40],
    fields: [
      ['ticket', 'short'],
      ['exchange', 'shortstr'],
      ['routingKey', 'shortstr'],
      ['mandatory', 'bit'],
      ['immediate', 'bit'],
    ],
    hasContent: true,
  },
  'basic.return': {
    id: [60, 50],
    fields: [
      ['replyCode', 'short'],
      ['replyText', 'shortstr'],
      ['exchange', 'shortstr'],
      ['routingKey', 'shortstr'],
    ],
    hasContent: true,
  },
  'basic.deliver': {
    id: [60, 60],
    fields: [
      ['consumerTag', 'shortstr'],
      ['deliveryTag', 'longlong'],
      ['redelivered', 'bit'],
      ['exchange', 'shortstr'],
      ['routingKey', 'shortstr'],
    ],
    hasContent: true,
  },
  'basic.get': {
    id: [60, 70],
    fields: [
      ['ticket', 'short'],
      ['queue', 'shortstr'],
      ['noAck', 'bit'],
    ],
  },
  'basic.get-ok': {
    id: [60, 71],
    fields: [
      ['deliveryTag', 'longlong'],
      ['redelivered', 'bit'],
      ['exchange', 'shortstr'],
      ['routingKey', 'shortstr'],
      ['messageCount', 'long'],
    ],
    hasContent: true,
  },
  'basic.get-empty': { id: [60, 72], fields: [['reserved1', 'shortstr']] },
  'basic.ack': {
    id: [60, 80],
    fields: [
      ['deliveryTag', 'longlong'],
      ['multiple', 'bit'],
    ],
  },
  'basic.reject': {
    id: [60, 90],
    fields: [
      ['deliveryTag', 'longlong'],
      ['requeue', 'bit'],
    ],
  },
  'basic.recover-async': { id: [60, 100], fields: [['requeue', 'bit']] },
  'basic.recover': { id: [60, 110], fields: [['requeue', 'bit']] },
  'basic.recover-ok': { id: [60, 111], fields: [] },
  'basic.nack': {
    id: [60, 120],
    fields: [
      ['deliveryTag', 'longlong'],
      ['multiple', 'bit'],
      ['requeue', 'bit'],
    ],
  },
  'confirm.select': { id: [85, 10], fields: [['noWait', 'bit']] },
  'confirm.select-ok': { id: [85, 11], fields: [] },
  'tx.select': { id: [90, 10], fields: [] },
  'tx.select-ok': { id: [90, 11], fields: [] },
  'tx.commit': { id: [90, 20], fields: [] },
  'tx.commit-ok': { id: [90, 21], fields: [] },
  'tx.rollback': { id: [90, 30], fields: [] },
  'tx.rollback-ok': { id: [90, 31], fields: [] },
} as const satisfies Record<string, Shape>;

export type MethodName = keyof typeof methods;

interface Decoded {
  bit: boolean;
  octet: number;
  short: number;
  long: number;
  longlong: number;
  shortstr: string;
  longstr: Buffer;
  table: Arguments;
}

interface Encoded extends Omit<Decoded, 'table' | 'longstr'> {
  table: Table;
  longstr: Buffer | string;
}

/** The fields of a received method. */
export type MethodFields<N extends MethodName> = FieldsOf<(typeof methods)[N]['fields'], Decoded>;
/** The fields of a method that is sent. */
export type MethodInput<N extends MethodName> = FieldsOf<(typeof methods)[N]['fields'], Encoded>;

type FieldsOf<F extends Fields, Values extends Record<Domain, unknown>> = {
  -readonly [P in F[number] as P[0]]: Values[P[1]];
};

/** A received method with its name and fields. */
export type Method = { [N in MethodName]: { readonly name: N; readonly fields: MethodFields<N> } }[MethodName];

/** Combines class id and method id into one number. */
export function methodKey(classId: number, methodId: number): number {
  return classId * 0x1_0000 + methodId;
}

const byKey = new Map(
  Object.entries<Shape>(methods).map(([name, { id, fields }]) => [methodKey(...id), { name, fields }]),
);

/** Reads the payload of a method frame. Throws 503 for an unknown method, and 501 for missing bytes or extra bytes. */
export function decodeMethod(buffer: Buffer, start: number, end: number): Method {
  const ids = new Reader(buffer, start, end);
  const [classId, methodId] = [ids.short(), ids.short()];
  const method = byKey.get(methodKey(classId, methodId));
  if (method === undefined) {
    throw new ProtocolError('COMMAND_INVALID', `unknown method {${classId},${methodId}}`);
  }
  const reader = new Reader(buffer, ids.offset, end);
  const fields: Record<string, unknown> = {};
  let bits = 0;
  let mask = 0;
  for (const [name, domain] of method.fields) {
    if (domain !== 'bit') {
      mask = 0;
      fields[name] = domain === 'table' ? Arguments.read(reader) : reader[domain]();
      continue;
    }
    // AMQP 0-9-1, 4.2.5.2: adjacent bits share an octet, and the first one is its lowest bit.
    if (mask === 0 || mask === 0x100) {
      bits = reader.octet();
      mask = 1;
    }
    fields[name] = (bits & mask) !== 0;
    mask <<= 1;
  }
  reader.expectEnd();
  // A cast, because TypeScript does not derive the types of the fields from the table that the loop reads.
  return { name: method.name, fields } as Method;
}

/** Returns the payload of a method frame. */
export function encodeMethod<N extends MethodName>(name: N, fields: MethodInput<N>): Buffer {
  const shape: Shape = methods[name];
  const values: Readonly<Record<string, unknown>> = fields;
  const writer = new Writer();
  writer.short(shape.id[0]);
  writer.short(shape.id[1]);
  let at = -1;
  let mask = 0;
  for (const [field, domain] of shape.fields) {
    const value = values[field];
    if (domain !== 'bit') {
      mask = 0;
      // A cast, because TypeScript does not connect the type of a field with its domain in a loop.
      domainWriters[domain](writer, value as never);
      continue;
    }
    if (mask === 0 || mask === 0x100) {
      at = writer.reserve(1);
      writer.buffer[at] = 0;
      mask = 1;
    }
    if (value === true) writer.buffer[at] = (writer.buffer[at] ?? 0) | mask;
    mask <<= 1;
  }
  return writer.done();
}
