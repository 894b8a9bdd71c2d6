// Reads and writes the field tables of headers (AMQP 0-9-1, 4.2.5.5, with the types of RabbitMQ's errata) without loss.
// amqplib's codec changes integers over 2^53, replaces bytes that are not UTF-8 with U+FFFD, and writes every integer
// with the smallest type.

import { isObject, objectOf } from '../../config/plain.ts';
import { systemCode } from '../../errors.ts';
import { bytesOfText, textOfBytes } from '../byte-text.ts';
import { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

/** One field of a table. */
export interface Field {
  readonly name: string;
  readonly value: unknown;
  /** Name, type and value as received. */
  readonly bytes: Buffer;
}

interface Fields {
  readonly fields: readonly Field[];
  /** Reason why some values, or all fields, could not be read. */
  readonly unreadable?: string;
}

/** Maximum depth of nested tables. It is limited, because reading is recursive. */
const deepest = 2000;

/** Represents a value that cannot be read. The value can still be sent again, because its length is known. */
const unreadableValue = Object.freeze({ '!': 'unreadable' });

/** Reads the content of a table. Never throws. */
export function readFields(table: Buffer): Fields {
  const reader = new ByteReader(table);
  const fields: Field[] = [];
  let unreadable: string | undefined;
  try {
    while (!reader.isAtEnd) {
      const start = reader.at;
      const name = reader.shortText();
      const valueAt = reader.at;
      skipValue(reader);
      const bytes = table.subarray(start, reader.at);
      let value: unknown = unreadableValue;
      try {
        value = readValue(new ByteReader(table.subarray(valueAt, reader.at)), 0);
      } catch (error) {
        unreadable ??= reasonOf(error);
      }
      fields.push({ name, value, bytes });
    }
  } catch (error) {
    // Without the length of a value, the fields after it cannot be found.
    return { fields: [], unreadable: reasonOf(error) };
  }
  return { fields, ...(unreadable !== undefined && { unreadable }) };
}

/** Sizes of the values by type, in bytes, without the type octet. Values of other types start with their length. */
const sizes: Readonly<Record<string, number>> = {
  ...{ t: 1, b: 1, B: 1, s: 2, u: 2, I: 4, i: 4, f: 4, l: 8, L: 8, d: 8, T: 8, D: 5, V: 0 },
};
const withLength = 'SxAF';

function skipValue(reader: ByteReader): void {
  const type = String.fromCharCode(reader.octet());
  const size = sizes[type];
  if (size === undefined && !withLength.includes(type)) throw new TypeError(`unknown type ${JSON.stringify(type)}`);
  reader.skip(size ?? reader.long());
}

function readValue(reader: ByteReader, depth: number): unknown {
  if (depth > deepest) throw new RangeError(`tables are nested more than ${deepest} levels deep`);
  const type = String.fromCharCode(reader.octet());
  switch (type) {
    case 'S':
      return textOfBytes(reader.take(reader.long()));
    case 'x':
      return reader.take(reader.long());
    case 'A':
      return readArray(new ByteReader(reader.take(reader.long())), depth + 1);
    case 'F':
      return readTable(new ByteReader(reader.take(reader.long())), depth + 1);
    default:
      return readFixed(reader, type);
  }
}

/** Reads a value of fixed size. */
function readFixed(reader: ByteReader, type: string): unknown {
  const { bytes } = reader;
  switch (type) {
    case 't':
      return reader.octet() !== 0;
    case 'b':
      return bytes.readInt8(reader.skip(1));
    case 'B':
      return reader.octet();
    case 's':
      return bytes.readInt16BE(reader.skip(2));
    case 'u':
      return bytes.readUInt16BE(reader.skip(2));
    case 'I':
      return bytes.readInt32BE(reader.skip(4));
    case 'i':
      return reader.long();
    case 'l':
    case 'L':
      return safeInteger(bytes.readBigInt64BE(reader.skip(8)));
    case 'f':
      return bytes.readFloatBE(reader.skip(4));
    case 'd':
      return bytes.readDoubleBE(reader.skip(8));
    case 'T':
      return { '!': 'timestamp', value: safeInteger(bytes.readBigUInt64BE(reader.skip(8))) };
    case 'D':
      return { '!': 'decimal', value: { places: reader.octet(), digits: reader.long() } };
    case 'V':
      return null;
    default:
      throw new TypeError(`unknown type ${JSON.stringify(type)}`);
  }
}

function readArray(reader: ByteReader, depth: number): unknown[] {
  const values: unknown[] = [];
  while (!reader.isAtEnd) values.push(readValue(reader, depth));
  return values;
}

function readTable(reader: ByteReader, depth: number): object {
  const entries: [string, unknown][] = [];
  while (!reader.isAtEnd) entries.push([reader.shortText(), readValue(reader, depth)]);
  // fromEntries defines properties, so a field named __proto__ becomes an ordinary field.
  const table = Object.fromEntries(entries);
  return Object.hasOwn(table, '!') ? { '!': 'table', value: table } : table;
}

/** Returns the integer as a number if a number can represent it exactly, otherwise as a bigint. */
export function safeInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Writes one field of a table. Throws if AMQP cannot represent the value. */
export function writeField(writer: ByteWriter, name: string, value: unknown): void {
  writer.shortText(name, 'name of a header');
  writeValue(writer, value);
}

function writeTable(writer: ByteWriter, table: object): void {
  writer.sized(() => {
    for (const [name, value] of Object.entries(table)) if (value !== undefined) writeField(writer, name, value);
  });
}

function writeValue(writer: ByteWriter, value: unknown): void {
  const { '!': type, value: inner } = isTagged(value) ? value : { '!': typeOf(value), value };
  const write = Object.hasOwn(types, String(type)) ? types[String(type)] : undefined;
  if (!write) throw new TypeError(`unknown type '${type}'`);
  try {
    write(writer, inner);
  } catch (error) {
    if (systemCode(error) !== 'ERR_OUT_OF_RANGE') throw error;
    throw new RangeError(`${inner} is outside the range of the type '${type}'`, { cause: error });
  }
}

/** Reports whether a value names its AMQP type: `{"!":"long","value":…}`. */
export function isTagged(value: unknown): value is { readonly '!': unknown; readonly value?: unknown } {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, '!');
}

/** Returns the AMQP type for a JavaScript value. */
function typeOf(value: unknown): string {
  if (value === null) return 'void';
  if (typeof value === 'number') return numberType(value);
  if (typeof value === 'bigint') return 'long';
  if (typeof value !== 'object') return typeof value;
  if (value instanceof Uint8Array) return 'binary';
  return Array.isArray(value) ? 'array' : 'table';
}

/** Returns the type for a number. -0 and non-integers are doubles. RabbitMQ has no integers over 63 bits. */
export function numberType(value: number): string {
  if (!Number.isInteger(value) || Object.is(value, -0) || Math.abs(value) >= 2 ** 63) return 'double';
  return Math.abs(value) < 2 ** 31 ? 'int' : 'long';
}

type Write = (writer: ByteWriter, value: unknown) => void;

function fixed(letter: string, size: number, write: (bytes: Buffer, value: unknown, at: number) => void): Write {
  return (writer, value) => {
    writer.octet(letter.charCodeAt(0));
    const at = writer.reserve(size);
    write(writer.buffer, value, at);
  };
}

/** Writers by type. The names of the types are amqplib's. */
const types: Readonly<Record<string, Write>> = {
  boolean: fixed('t', 1, (bytes, value, at) => bytes.writeUInt8(value ? 1 : 0, at)),
  byte: fixed('b', 1, (bytes, value, at) => bytes.writeInt8(integer(value), at)),
  unsignedbyte: fixed('B', 1, (bytes, value, at) => bytes.writeUInt8(integer(value), at)),
  short: fixed('s', 2, (bytes, value, at) => bytes.writeInt16BE(integer(value), at)),
  unsignedshort: fixed('u', 2, (bytes, value, at) => bytes.writeUInt16BE(integer(value), at)),
  int: fixed('I', 4, (bytes, value, at) => bytes.writeInt32BE(integer(value), at)),
  unsignedint: fixed('i', 4, (bytes, value, at) => bytes.writeUInt32BE(integer(value), at)),
  long: fixed('l', 8, (bytes, value, at) => bytes.writeBigInt64BE(bigInteger(value), at)),
  float: fixed('f', 4, (bytes, value, at) => bytes.writeFloatBE(Number(value), at)),
  double: fixed('d', 8, (bytes, value, at) => bytes.writeDoubleBE(Number(value), at)),
  timestamp: fixed('T', 8, (bytes, value, at) => bytes.writeBigUInt64BE(bigInteger(value), at)),
  decimal: fixed('D', 5, (bytes, value, at) => {
    const { places, digits } = objectOf(value);
    bytes.writeUInt8(integer(places), at);
    bytes.writeUInt32BE(integer(digits), at + 1);
  }),
  void: fixed('V', 0, () => {}),
  string: (writer, value) => {
    writer.octet('S'.charCodeAt(0));
    writer.longBytes(bytesOfText(String(value)));
  },
  binary: (writer, value) => {
    writer.octet('x'.charCodeAt(0));
    writer.longBytes(binary(value));
  },
  array: (writer, value) => {
    writer.octet('A'.charCodeAt(0));
    writer.sized(() => {
      for (const item of list(value)) writeValue(writer, item);
    });
  },
  table: (writer, value) => {
    writer.octet('F'.charCodeAt(0));
    if (!isObject(value)) throw new TypeError('the value is not a table');
    writeTable(writer, value);
  },
};

/** Reports whether an AMQP field type has this name. */
export function isTypeName(name: string): boolean {
  return Object.hasOwn(types, name);
}

function integer(value: unknown): number {
  const number = Number(value);
  if (!Number.isInteger(number)) throw new RangeError('the value is not an integer');
  return number;
}

function bigInteger(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  const text = String(value);
  return BigInt(/^-?\d+$/.test(text) ? text : integer(value));
}

function binary(value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array || Array.isArray(value)) return Buffer.from(value);
  // JSON.stringify writes a Buffer in this form.
  const { type, data } = objectOf(value);
  if (type === 'Buffer' && Array.isArray(data)) return Buffer.from(data);
  throw new TypeError('the value is not binary');
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('the value is not a list');
  return value;
}
