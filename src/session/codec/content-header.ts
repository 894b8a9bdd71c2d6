// Reads and writes the properties of a message (AMQP 0-9-1, 4.2.6.1) without loss. Received properties keep their
// bytes, so that an unchanged message is published again with identical bytes and types.

import type { Properties } from '../raw-message.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { type Field, readFields, safeInteger, writeField } from './field-table.ts';

/**
 * Symbol under which the properties of a delivery contain their original bytes. A copy by `{...properties}` copies the
 * symbol too, so a message that is built from a delivery keeps the bytes.
 */
const asReceived: unique symbol = Symbol('as received');

class Received {
  readonly values: Properties;
  readonly headers: readonly Field[];
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  #parts: ReadonlyMap<string, Buffer> | undefined;

  /** The flags and the properties are in `bytes`, from `start` to `end`. */
  constructor(values: Properties, headers: readonly Field[], { bytes, start, end }: Part) {
    this.values = values;
    this.headers = headers;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** The original flags and properties. */
  get bytes(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /**
   * Returns the original bytes of a property other than the headers. They are located on demand, because few messages
   * need them.
   */
  bytesOf(name: string): Buffer | undefined {
    this.#parts ??= partsOf(this.#bytes.subarray(this.#start));
    return this.#parts.get(name);
  }
}

/** A part of bytes. */
interface Part {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Properties, with their original bytes if they come from a delivery. */
interface MaybeReceived extends Properties {
  [asReceived]?: Received;
}

const noFields: readonly Field[] = [];

type Kind = 'text' | 'table' | 'octet' | 'time';

/** Properties in the order of their flags, from the highest bit down. */
export const propertyKinds: readonly (readonly [name: keyof Properties, kind: Kind])[] = [
  ['contentType', 'text'],
  ['contentEncoding', 'text'],
  ['headers', 'table'],
  ['deliveryMode', 'octet'],
  ['priority', 'octet'],
  ['correlationId', 'text'],
  ['replyTo', 'text'],
  ['expiration', 'text'],
  ['messageId', 'text'],
  ['timestamp', 'time'],
  ['type', 'text'],
  ['userId', 'text'],
  ['appId', 'text'],
  ['clusterId', 'text'],
];

/**
 * Returns the original bytes of received properties as an object to spread into a copy. It is empty for other
 * properties.
 */
export function receivedForm(properties: MaybeReceived): object {
  const received = properties[asReceived];
  return received ? { [asReceived]: received } : {};
}

/** Returns the original flags and properties of a delivery as bytes, or `undefined` for other properties. */
export function receivedBytes(properties: MaybeReceived): Buffer | undefined {
  return properties[asReceived]?.bytes;
}

/** Reads the flags and the properties from `start` to `end`. Throws a RangeError if they are longer. */
export function readProperties(bytes: Buffer, start = 0, end = bytes.length): Properties {
  const reader = new ByteReader(bytes, start, end);
  const flags = bytes.readUInt16BE(reader.skip(2));
  const values: Record<string, unknown> = {};
  let headers: readonly Field[] = noFields;
  for (let index = 0; index < propertyKinds.length; index += 1) {
    const property = propertyKinds[index];
    if (!property || (flags & (0x8000 >> index)) === 0) continue;
    const [name, kind] = property;
    if (kind === 'table') {
      const read = readFields(reader.take(reader.long()));
      headers = read.fields;
      values[name] = Object.fromEntries(headers.map((field) => [field.name, field.value]));
      if (read.unreadable !== undefined) values['unreadable'] = `its headers cannot be read: ${read.unreadable}`;
    } else values[name] = readProperty(reader, kind);
  }
  // The cast is safe, because `propertyKinds` reads each property as the type that Properties declares.
  const properties = values as MaybeReceived;
  properties[asReceived] = new Received(properties, headers, { bytes, start, end });
  return properties;
}

/** Returns the bytes of each property except the headers, by name. */
function partsOf(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const reader = new ByteReader(bytes);
  const flags = bytes.readUInt16BE(reader.skip(2));
  const parts = new Map<string, Buffer>();
  propertyKinds.forEach(([name, kind], index) => {
    if ((flags & (0x8000 >> index)) === 0) return;
    const start = reader.at;
    if (kind === 'table') reader.skip(reader.long());
    else {
      readProperty(reader, kind);
      parts.set(name, bytes.subarray(start, reader.at));
    }
  });
  return parts;
}

function readProperty(reader: ByteReader, kind: Exclude<Kind, 'table'>): unknown {
  if (kind === 'octet') return reader.octet();
  if (kind === 'time') return safeInteger(reader.bytes.readBigUInt64BE(reader.skip(8)));
  return reader.shortText();
}

/** Returns the flags and the properties as bytes. Throws if AMQP cannot represent a value. */
export function propertyBytes(properties: Properties): Buffer {
  const writer = new ByteWriter();
  writeProperties(writer, properties);
  return writer.done();
}

/** Writes the flags and the properties. Throws if AMQP cannot represent a value. */
export function writeProperties(writer: ByteWriter, properties: MaybeReceived): void {
  const received = properties[asReceived];
  const flagsAt = writer.reserve(2);
  let flags = 0;
  for (let index = 0; index < propertyKinds.length; index += 1) {
    const property = propertyKinds[index];
    const value = property && properties[property[0]];
    if (!property || value === undefined || value === null) continue;
    const [name, kind] = property;
    flags |= 0x8000 >> index;
    const raw = received && Object.is(received.values[name], value) ? received.bytesOf(name) : undefined;
    if (raw) writer.add(raw);
    else if (kind === 'text') writer.shortText(String(value), `property ${name}`);
    else if (kind === 'octet') writer.octet(Number(value));
    else if (kind === 'time') writeTime(writer, typeof value === 'object' ? Number(value) : value);
    else if (typeof value === 'object') writer.sized(() => writeHeaders(writer, value, received));
    else throw new TypeError(`the property ${name} is not a table`);
  }
  writer.buffer.writeUInt16BE(flags, flagsAt);
}

function writeTime(writer: ByteWriter, value: number | bigint | string): void {
  const at = writer.reserve(8);
  writer.buffer.writeBigUInt64BE(BigInt(value), at);
}

/** Writes the unchanged headers first, in their original order, then the others. */
function writeHeaders(
  writer: ByteWriter,
  headers: Readonly<Record<string, unknown>>,
  received: Received | undefined,
): void {
  const original = received?.values.headers ?? {};
  const isKept = (name: string) =>
    Object.hasOwn(original, name) && Object.hasOwn(headers, name) && Object.is(original[name], headers[name]);
  for (const { name, bytes } of received?.headers ?? []) if (isKept(name)) writer.add(bytes);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !isKept(name)) writeField(writer, name, value);
  }
}
