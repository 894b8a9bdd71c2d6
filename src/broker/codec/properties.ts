// The properties of class basic (AMQP 0-9-1, 1.8.2). Their encoding is a word of flags, followed by one value for each flag
// that is set (4.2.6.1).

import { ProtocolError } from '../protocol-error.ts';
import { Arguments } from './arguments.ts';
import { domainWriters, eachField, encodeTable, type FieldValue, readTable, readValue, type Table } from './table.ts';
import { Reader, Writer } from './values.ts';

export interface BasicProperties {
  contentType?: string;
  contentEncoding?: string;
  headers?: Table;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  /** Seconds since 1970. It is a bigint above 2^53. */
  timestamp?: number | bigint;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
}

type Domain = 'shortstr' | 'table' | 'octet' | 'longlong';

/** The properties in the order of their flags, from bit 15 down. */
const properties: readonly (readonly [name: keyof BasicProperties, domain: Domain])[] = [
  ['contentType', 'shortstr'],
  ['contentEncoding', 'shortstr'],
  ['headers', 'table'],
  ['deliveryMode', 'octet'],
  ['priority', 'octet'],
  ['correlationId', 'shortstr'],
  ['replyTo', 'shortstr'],
  ['expiration', 'shortstr'],
  ['messageId', 'shortstr'],
  ['timestamp', 'longlong'],
  ['type', 'shortstr'],
  ['userId', 'shortstr'],
  ['appId', 'shortstr'],
  ['clusterId', 'shortstr'],
];

/** Reads flags and values from `buffer` between `start` and `end`. */
export function decodeProperties(buffer: Buffer, start = 0, end = buffer.length): BasicProperties {
  const reader = new Reader(buffer, start, end);
  const flags = readFlags(reader);
  const result: Record<string, unknown> = {};
  properties.forEach(([name, domain], index) => {
    if ((flags & (0x8000 >> index)) === 0) return;
    result[name] = read(reader, domain);
  });
  // A cast, because TypeScript does not connect the type of a property with its domain in a loop.
  return result as BasicProperties;
}

function read(reader: Reader, domain: Domain): unknown {
  switch (domain) {
    case 'table':
      return readTable(reader);
    case 'shortstr':
      // A correlation id may contain bytes that are not UTF-8. The broker relays the received bytes and not this text.
      return reader.looseShortstr();
    case 'octet':
      return reader.octet();
    case 'longlong':
      return reader.exactLonglong();
  }
}

export function encodeProperties(values: BasicProperties): Buffer {
  const writer = new Writer();
  const start = writer.reserve(2);
  let flags = 0;
  properties.forEach(([name, domain], index) => {
    const value = values[name];
    if (value === undefined) return;
    flags |= 0x8000 >> index;
    // A cast for the same reason as in `decodeProperties`.
    domainWriters[domain](writer, value as never);
  });
  writer.buffer.writeUInt16BE(flags, start);
  return writer.done();
}

/** Returns the headers of a message with their received types. */
export function decodeHeaders(buffer: Buffer, length: number): Arguments {
  const reader = new Reader(buffer, 0, length);
  const flags = readFlags(reader);
  if ((flags & 0x2000) === 0) return Arguments.none;
  if ((flags & 0x8000) !== 0) reader.skip(reader.octet());
  if ((flags & 0x4000) !== 0) reader.skip(reader.octet());
  return Arguments.read(reader);
}

/** The properties of a message that the broker itself uses. */
export interface Scan {
  deliveryMode: number;
  priority: number | undefined;
  expiration: string | undefined;
  userId: string | undefined;
  replyTo: string | undefined;
  /** Fields CC and BCC of the headers, with their type letters. */
  cc: { type: string; value: FieldValue } | undefined;
  bcc: { type: string; value: FieldValue } | undefined;
}

/** A literal is much faster than a copy of an object. */
const newScan = (): Scan => ({
  deliveryMode: 1,
  priority: undefined,
  expiration: undefined,
  userId: undefined,
  replyTo: undefined,
  cc: undefined,
  bcc: undefined,
});
const defaults = newScan();

/** Returns the properties that the broker uses. Throws 501 or 502 if the encoded properties are malformed. */
export function scanProperties(buffer: Buffer, start: number, end: number): Scan {
  if (end - start === 2 && buffer[start] === 0 && buffer[start + 1] === 0) return defaults;
  const reader = new Reader(buffer, start, end);
  const flags = readFlags(reader);
  const scan = newScan();
  for (let bit = 0x8000, index = 0; bit > 2; bit >>= 1, index++) {
    if ((flags & bit) === 0) continue;
    switch (index) {
      case 2:
        scanHeaders(reader, scan);
        break;
      case 3:
        scan.deliveryMode = reader.octet();
        break;
      case 4:
        scan.priority = reader.octet();
        break;
      case 6:
        scan.replyTo = reader.shortstr();
        break;
      case 7:
        scan.expiration = reader.shortstr();
        break;
      case 9:
        reader.skip(8);
        break;
      case 11:
        scan.userId = reader.shortstr();
        break;
      default:
        reader.skip(reader.octet());
    }
  }
  if (reader.offset !== end) throw new ProtocolError('FRAME_ERROR', 'cannot decode the properties of a message');
  return scan;
}

function scanHeaders(reader: Reader, scan: Scan): void {
  eachField(reader, (key, type, inner) => {
    const value = readValue(inner, type);
    if (key === 'CC') scan.cc = { type, value };
    else if (key === 'BCC') scan.bcc = { type, value };
  });
}

const noBytes = Buffer.alloc(0);
/** The encoded delivery mode of a transient message. */
const transient = Buffer.of(1);

/**
 * Returns the encoded properties with these changes. `undefined` removes a property or header. All other properties and
 * headers keep their received bytes.
 */
export function changeProperties(
  buffer: Buffer,
  length: number,
  changes: { expiration?: undefined; replyTo?: string; headers?: Readonly<Record<string, FieldValue | undefined>> },
): Buffer {
  return mapProperties(buffer, length, (name, bytes) => {
    if (name === 'headers' && changes.headers !== undefined) return changeHeaders(bytes, changes.headers);
    if (name === 'expiration' && 'expiration' in changes) return noBytes;
    return name === 'replyTo' && changes.replyTo !== undefined ? shortstrOf(changes.replyTo) : bytes;
  });
}

/** Encodes the properties again with the bytes that `change` returns. A property without bytes is absent. */
function mapProperties(
  buffer: Buffer,
  length: number,
  change: (name: (typeof properties)[number][0], bytes: Buffer) => Buffer,
): Buffer {
  const reader = new Reader(buffer, 0, length);
  const flags = readFlags(reader);
  const values: Buffer[] = [];
  let changedFlags = 0;
  properties.forEach(([name, domain], index) => {
    const bit = 0x8000 >> index;
    const bytes = change(name, (flags & bit) === 0 ? noBytes : fieldBytes(reader, domain));
    if (bytes.length === 0) return;
    changedFlags |= bit;
    values.push(bytes);
  });
  return Buffer.concat([flagsOf(changedFlags), ...values]);
}

/** Returns the encoded value of a property, and moves the reader behind it. */
function fieldBytes(reader: Reader, domain: Domain): Buffer {
  const start = reader.offset;
  if (domain === 'shortstr') reader.skip(reader.octet());
  else if (domain === 'table') reader.longstr();
  else reader.skip(domain === 'octet' ? 1 : 8);
  return reader.buffer.subarray(start, reader.offset);
}

function flagsOf(flags: number): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(flags);
  return head;
}

function changeHeaders(bytes: Buffer, changes: Readonly<Record<string, FieldValue | undefined>>): Buffer {
  const kept: Buffer[] = [];
  if (bytes.length > 0) {
    const reader = new Reader(bytes);
    let start = 4;
    eachField(reader, (key, type, inner) => {
      readValue(inner, type);
      if (!Object.hasOwn(changes, key)) kept.push(bytes.subarray(start, inner.offset));
      start = inner.offset;
    });
  }
  const added: Record<string, FieldValue> = Object.create(null);
  for (const [key, value] of Object.entries(changes)) if (value !== undefined) added[key] = value;
  return encodeTable(added, Buffer.concat(kept));
}

/** The encoded header x-stream-offset: the length of the name, the name, and the type of the value. */
const offsetName = Buffer.from('\x0fx-stream-offsetl', 'latin1');

/**
 * Returns the encoded properties of a message of a stream, with the header x-stream-offset. RabbitMQ stores the messages of
 * streams in the format of AMQP 1.0. Therefore `x-death`, `cluster-id`, and the headers whose value is a table or an array
 * disappear, except for headers whose name begins with `x-`, and for CC. A message without a delivery mode becomes transient.
 */
export function streamProperties(buffer: Buffer, length: number, offset: number): Buffer {
  return mapProperties(buffer, length, (name, bytes) => {
    if (name === 'headers') return streamHeaders(bytes, offset);
    if (name === 'deliveryMode' && bytes.length === 0) return transient;
    return name === 'clusterId' ? noBytes : bytes;
  });
}

function streamHeaders(bytes: Buffer, offset: number): Buffer {
  const kept: Buffer[] = [];
  if (bytes.length > 0) {
    let start = 4;
    eachField(new Reader(bytes), (key, type, inner) => {
      readValue(inner, type);
      if (isKeptInStream(key, type)) kept.push(inStream(bytes.subarray(start, inner.offset), type));
      start = inner.offset;
    });
  }
  const value = Buffer.alloc(8);
  value.writeBigInt64BE(BigInt(offset));
  const fields = Buffer.concat([...kept, offsetName, value]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(fields.length);
  return Buffer.concat([size, fields]);
}

/** Returns an encoded field. A field of bytes becomes a long string. */
function inStream(field: Buffer, type: string): Buffer {
  if (type !== 'x') return field;
  const copy = Buffer.from(field);
  copy.write('S', 1 + field.readUInt8(0), 'latin1');
  return copy;
}

function isKeptInStream(header: string, type: string): boolean {
  if (header === 'x-stream-offset' || header === 'x-death') return false;
  return (type !== 'F' && type !== 'A') || header.startsWith('x-') || header === 'CC';
}

function shortstrOf(text: string): Buffer {
  const writer = new Writer();
  writer.shortstr(text);
  return writer.done();
}

/** Throws 501 for unknown flags, such as the lowest bit, which announces a second word of flags (AMQP 0-9-1, 4.2.6.1). */
function readFlags(reader: Reader): number {
  const flags = reader.short();
  if ((flags & 3) !== 0) throw new ProtocolError('FRAME_ERROR', 'unknown property flags in a content header');
  return flags;
}
