// Encodes and decodes field tables (AMQP 0-9-1, 4.2.5.5) with the field types of RabbitMQ's errata. A decoded table is an
// object without a prototype.

import { ProtocolError } from '../protocol-error.ts';
import { Reader, Writer } from './values.ts';

export class Timestamp {
  /** Seconds since 1970. It is a bigint above 2^53. */
  readonly seconds: number | bigint;
  constructor(seconds: number | bigint) {
    this.seconds = seconds;
  }
}

/** The value is `digits` divided by ten to the power of `places`. */
export class Decimal {
  readonly places: number;
  readonly digits: number;
  constructor(places: number, digits: number) {
    this.places = places;
    this.digits = digits;
  }
}

export type FieldValue =
  | boolean
  | number
  | bigint
  | string
  | null
  | Buffer
  | Timestamp
  | Decimal
  | readonly FieldValue[]
  | Table;

export interface Table {
  readonly [key: string]: FieldValue;
}

/** Maximum nesting of tables and arrays. It is limited because decoding is recursive. */
const depthLimit = 64;

/** The names of the types in RabbitMQ's error texts, by type letter. */
export const typeNames: Readonly<Record<string, string>> = {
  t: 'bool',
  b: 'byte',
  B: 'unsignedbyte',
  s: 'short',
  u: 'unsignedshort',
  I: 'signedint',
  i: 'unsignedint',
  l: 'long',
  L: 'long',
  f: 'float',
  d: 'double',
  D: 'decimal',
  S: 'longstr',
  A: 'array',
  T: 'timestamp',
  F: 'table',
  V: 'void',
  x: 'binary',
};

/** Reads a table, which begins with its length. */
export function readTable(reader: Reader, depth = 0): Table {
  const table: Record<string, FieldValue> = Object.create(null);
  eachField(reader, (key, type, inner) => {
    table[key] = readValue(inner, type, depth);
  });
  return table;
}

/** Calls `field` for each field of a table. `field` must read the value from the reader that it receives. */
export function eachField(reader: Reader, field: (key: string, type: string, reader: Reader) => void): void {
  const length = reader.long();
  const start = reader.skip(length);
  const inner = new Reader(reader.buffer, start, start + length);
  while (inner.offset < inner.end) field(inner.looseShortstr(), String.fromCharCode(inner.octet()), inner);
}

/** Reads one value of a type. Returns a long string that is not UTF-8 as a Buffer. */
export function readValue(reader: Reader, type: string, depth = 0): FieldValue {
  switch (type) {
    case 'S':
      return textOrBytes(reader.longstr());
    case 'x':
      return Buffer.from(reader.longstr());
    case 'V':
      return null;
    case 'A':
    case 'F':
      if (depth >= depthLimit) throw new ProtocolError('SYNTAX_ERROR', 'field table is nested too deep');
      return type === 'F' ? readTable(reader, depth + 1) : readArray(reader, depth + 1);
    default:
      return readFixed(reader, type);
  }
}

/** Reads one value of a type with a fixed length. */
function readFixed(reader: Reader, type: string): FieldValue {
  const { buffer } = reader;
  switch (type) {
    case 't':
      return reader.octet() !== 0;
    case 'b':
      return buffer.readInt8(reader.skip(1));
    case 'B':
      return reader.octet();
    // RabbitMQ: 's' is a signed short, unlike in the specification. https://www.rabbitmq.com/docs/amqp-0-9-1-errata
    case 's':
      return buffer.readInt16BE(reader.skip(2));
    case 'u':
      return reader.short();
    case 'I':
      return buffer.readInt32BE(reader.skip(4));
    case 'i':
      return reader.long();
    case 'l':
    case 'L':
      return narrowed(buffer.readBigInt64BE(reader.skip(8)));
    case 'f':
      return buffer.readFloatBE(reader.skip(4));
    case 'd':
      return buffer.readDoubleBE(reader.skip(8));
    case 'D':
      return new Decimal(reader.octet(), reader.long());
    case 'T':
      return new Timestamp(reader.exactLonglong());
    default:
      throw new ProtocolError('SYNTAX_ERROR', `unknown field type ${JSON.stringify(type)} in a field table`);
  }
}

function readArray(reader: Reader, depth: number): FieldValue[] {
  const length = reader.long();
  const start = reader.skip(length);
  const inner = new Reader(reader.buffer, start, start + length);
  const values: FieldValue[] = [];
  while (inner.offset < inner.end) values.push(readValue(inner, String.fromCharCode(inner.octet()), depth));
  return values;
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function textOrBytes(bytes: Buffer): string | Buffer {
  const text = bytes.toString('utf8');
  return text.includes('\u{FFFD}') && !Buffer.from(text).equals(bytes) ? Buffer.from(bytes) : text;
}

/** Writes a table and its length. `raw` contains encoded fields, which are written first. */
function writeTable(writer: Writer, table: Table, raw?: Buffer): void {
  const start = writer.reserve(4);
  if (raw !== undefined) writer.bytes(raw);
  for (const key of Object.keys(table)) {
    writer.shortstr(key);
    writeValue(writer, table[key] ?? null);
  }
  writer.buffer.writeUInt32BE(writer.length - start - 4, start);
}

function writeValue(writer: Writer, value: FieldValue): void {
  if (value === null) writer.octet(letter('V'));
  else if (typeof value === 'boolean') {
    writer.octet(letter('t'));
    writer.octet(value ? 1 : 0);
  } else if (typeof value === 'number' || typeof value === 'bigint') writeNumber(writer, value);
  else if (typeof value === 'string' || Buffer.isBuffer(value)) {
    // RabbitMQ: a long string may contain any bytes. The type 'x' is newer, and older clients cannot read it.
    writer.octet(letter('S'));
    writer.longstr(value);
  } else if (value instanceof Timestamp) {
    writer.octet(letter('T'));
    writer.longlong(value.seconds);
  } else if (value instanceof Decimal) {
    writer.octet(letter('D'));
    writer.octet(value.places);
    writer.long(value.digits);
  } else if (isArray(value)) {
    writer.octet(letter('A'));
    const start = writer.reserve(4);
    for (const item of value) writeValue(writer, item);
    writer.buffer.writeUInt32BE(writer.length - start - 4, start);
  } else {
    writer.octet(letter('F'));
    writeTable(writer, value);
  }
}

function writeNumber(writer: Writer, value: number | bigint): void {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    writer.octet(letter('d'));
    const start = writer.reserve(8);
    writer.buffer.writeDoubleBE(value, start);
    return;
  }
  writer.octet(letter('l'));
  const start = writer.reserve(8);
  writer.buffer.writeBigInt64BE(BigInt(value), start);
}

/** Returns a value as text for messages to users. `String` throws for a table, because a table has no prototype. */
export function shownValue(value: FieldValue): string {
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return String(value);
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
}

export function isTable(value: FieldValue | undefined): value is Table {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Buffer.isBuffer(value) &&
    !(value instanceof Timestamp) &&
    !(value instanceof Decimal) &&
    !Array.isArray(value)
  );
}

/** Array.isArray does not narrow a readonly array. */
function isArray(value: FieldValue): value is readonly FieldValue[] {
  return Array.isArray(value);
}

function letter(type: string): number {
  return type.charCodeAt(0);
}

type Numeric = 'octet' | 'short' | 'long' | 'longlong';

interface DomainWriters extends Readonly<Record<Numeric, (writer: Writer, value: number) => void>> {
  readonly shortstr: (writer: Writer, value: string) => void;
  readonly longstr: (writer: Writer, value: string | Buffer) => void;
  readonly table: (writer: Writer, value: Table) => void;
}

/** The functions that write a value of each domain (AMQP 0-9-1, 1.1), except bits. Adjacent bits share an octet. */
export const domainWriters: DomainWriters = {
  octet: (writer, value) => writer.octet(value),
  short: (writer, value) => writer.short(value),
  long: (writer, value) => writer.long(value),
  longlong: (writer, value) => writer.longlong(value),
  shortstr: (writer, value) => writer.shortstr(value),
  longstr: (writer, value) => writer.longstr(value),
  table: (writer, value) => writeTable(writer, value),
};

/** Encodes a table and its length. `raw` contains encoded fields, which are written first. */
export function encodeTable(table: Table, raw?: Buffer): Buffer {
  const writer = new Writer();
  writeTable(writer, table, raw);
  return writer.done();
}

/** Decodes a table, which begins with its length. */
export function decodeTable(bytes: Buffer): Table {
  return readTable(new Reader(bytes));
}
