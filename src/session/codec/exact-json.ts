// Converts the bytes of properties (AMQP 0-9-1, 4.2.6.1) to JSON that names every type which its plain form would lose:
// 5 is an int, {"!":"byte","value":5} is a byte, {"!":"float","value":1.5} is not a double. tagged-json.ts converts the
// JSON back.

import { bytesOfText, isPlainText, textOfBytes } from '../byte-text.ts';
import { taggedName } from '../tagged-json.ts';
import { ByteReader } from './byte-reader.ts';
import { propertyKinds } from './content-header.ts';
import { numberType, safeInteger } from './field-table.ts';

export interface ExactJson {
  /** Without `headers`. */
  readonly properties: Record<string, unknown>;
  /** `undefined` if the message has no header table, which is not the same as an empty one. */
  readonly headers: Record<string, unknown> | undefined;
}

/** Deeper tables are not read, because JSON.stringify and most parsers are recursive. */
const deepest = 64;

/** Converts flags and properties. Throws if JSON cannot express them, for example two headers with one name. */
export function exactJson(bytes: Buffer): ExactJson {
  const reader = new ByteReader(bytes);
  const flags = bytes.readUInt16BE(reader.skip(2));
  const properties: Record<string, unknown> = {};
  let headers: Record<string, unknown> | undefined;
  propertyKinds.forEach(([name, kind], index) => {
    if ((flags & (0x8000 >> index)) === 0) return;
    if (kind === 'table') headers = fieldsOf(new ByteReader(reader.take(reader.long())), 0);
    else if (kind === 'octet') properties[name] = reader.octet();
    else if (kind === 'text') properties[name] = textJson(reader.shortText());
    else properties[name] = timeJson(bytes.readBigUInt64BE(reader.skip(8)));
  });
  return { properties, headers };
}

function timeJson(value: bigint): unknown {
  const time = safeInteger(value);
  return typeof time === 'bigint' ? { '!': 'timestamp', value: String(time) } : time;
}

function fieldsOf(reader: ByteReader, depth: number): Record<string, unknown> {
  if (depth > deepest) throw new RangeError(`tables are nested more than ${deepest} levels deep`);
  const entries: [string, unknown][] = [];
  while (!reader.isAtEnd) entries.push([taggedName(reader.shortText()), fieldValue(reader, depth)]);
  const fields = Object.fromEntries(entries);
  if (Object.keys(fields).length < entries.length) throw new TypeError('two headers have the same name');
  return fields;
}

function fieldValue(reader: ByteReader, depth: number): unknown {
  const type = String.fromCharCode(reader.octet());
  switch (type) {
    case 'S':
      return textJson(textOfBytes(reader.take(reader.long())));
    case 'x':
      return { '!': 'binary', base64: reader.take(reader.long()).toString('base64') };
    case 'A':
      return itemsOf(new ByteReader(reader.take(reader.long())), depth + 1);
    case 'F': {
      const table = fieldsOf(new ByteReader(reader.take(reader.long())), depth + 1);
      return Object.hasOwn(table, '!') ? { '!': 'table', value: table } : table;
    }
    case 'V':
      return null;
    case 't':
      return reader.octet() !== 0;
    default:
      return numberOf(reader, type);
  }
}

function itemsOf(reader: ByteReader, depth: number): unknown[] {
  if (depth > deepest) throw new RangeError(`lists are nested more than ${deepest} levels deep`);
  const items: unknown[] = [];
  while (!reader.isAtEnd) items.push(fieldValue(reader, depth));
  return items;
}

/** Reads a value of fixed size. The plain form is used if it means the same type. */
function numberOf(reader: ByteReader, type: string): unknown {
  const { bytes } = reader;
  switch (type) {
    case 'b':
      return { '!': 'byte', value: bytes.readInt8(reader.skip(1)) };
    case 'B':
      return { '!': 'unsignedbyte', value: reader.octet() };
    case 's':
      return { '!': 'short', value: bytes.readInt16BE(reader.skip(2)) };
    case 'u':
      return { '!': 'unsignedshort', value: bytes.readUInt16BE(reader.skip(2)) };
    case 'I':
      return plainOr('int', bytes.readInt32BE(reader.skip(4)));
    case 'i':
      return { '!': 'unsignedint', value: reader.long() };
    case 'l':
      return plainOr('long', safeInteger(bytes.readBigInt64BE(reader.skip(8))));
    case 'f':
      return { '!': 'float', value: realJson(bytes.readFloatBE(reader.skip(4))) };
    case 'd': {
      const value = bytes.readDoubleBE(reader.skip(8));
      // JSON has no point in 2.0, so a whole number needs its type.
      return Number.isFinite(value) && !Number.isInteger(value) ? value : { '!': 'double', value: realJson(value) };
    }
    case 'T':
      return { '!': 'timestamp', value: integerJson(safeInteger(bytes.readBigUInt64BE(reader.skip(8)))) };
    case 'D':
      return { '!': 'decimal', value: { places: reader.octet(), digits: reader.long() } };
    default:
      throw new TypeError(`unknown type ${JSON.stringify(type)}`);
  }
}

function plainOr(type: 'int' | 'long', value: number | bigint): unknown {
  const isPlain = typeof value === 'number' && numberType(value) === type;
  return isPlain ? value : { '!': type, value: integerJson(value) };
}

function integerJson(value: number | bigint): number | string {
  return typeof value === 'bigint' ? String(value) : value;
}

function realJson(value: number): number | string {
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? value : String(value);
}

function textJson(text: string): unknown {
  return isPlainText(text) ? text : { '!': 'string', base64: bytesOfText(text).toString('base64') };
}
