// Encodes and decodes the records of the log: u32 length, u32 CRC-32, type, payload. Length and CRC cover type and payload.
// Numbers are big-endian, ids and sequences are u48, and a text consists of a u16 length and UTF-8.

import { crc32 } from 'node:zlib';
import type { Definition, EnqueueTarget, Returns, StoredMarks, StoredMessage } from './contract.ts';
import type { StreamMessage, StreamRecord } from './stream-log.ts';

/** The number of bytes of the length and the checksum. */
export const headLength = 8;

const types = {
  batch: 0x62,
  define: 1,
  undefine: 2,
  message: 3,
  settle: 4,
  /** A return with only its delivery count, which older versions wrote. */
  redelivered: 5,
  drop: 6,
  /** A message with marks: a u32 length and JSON follow its id. */
  markedMessage: 7,
  returned: 8,
  /** A message of a stream. */
  entry: 9,
} as const;

/** One of the queues in a message record. Without `returns`, the message never came back. */
export interface QueuedIn extends EnqueueTarget {
  readonly returns?: Returns;
}

export const neverReturned: Returns = { acquiredCount: 0, deliveryCount: 0, order: 0 };

export interface MessageRecord {
  readonly type: 'message';
  readonly id: number;
  /** JSON of `StoredMarks`; `undefined` for a message without any. */
  readonly marks: Buffer | undefined;
  readonly queues: readonly QueuedIn[];
  /** The offset of the fields after the queues. */
  readonly rest: number;
}

interface EntryRecord {
  readonly type: 'entry';
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The position of the fields after the time. */
  readonly rest: number;
}

export type StoreRecord =
  | { readonly type: 'batch'; readonly sequence: number }
  | { readonly type: 'define'; readonly sequence: number; readonly definition: Definition }
  | { readonly type: 'undefine'; readonly kind: string; readonly key: string }
  | MessageRecord
  | EntryRecord
  | { readonly type: 'settle'; readonly queue: string; readonly ids: readonly number[] }
  | { readonly type: 'returned'; readonly queue: string; readonly id: number; readonly returns: Returns }
  | { readonly type: 'drop'; readonly queue: string };

/** A content of at least this length, in bytes, is not copied into the encoder's buffer. */
const ownPartLength = 4 * 1024;
const chunkLength = 256 * 1024;
const noParts: readonly Buffer[] = [];

/** Encodes records into buffers. Each method returns the length of its record. */
export class RecordEncoder {
  /** It is allocated with the first record, because a broker may have many streams without messages. */
  #buffer: Buffer = Buffer.alloc(0);
  #taken = 0;
  #record = 0;
  #end = 0;
  #parts: Buffer[] = [];

  /** Begins a batch, whose records are written and synced together. It starts with the salt of its segment. */
  batch(salt: Buffer, sequence: number): number {
    this.#begin(types.batch, salt.length + 6);
    this.#bytes(salt);
    this.#uint48(sequence);
    return this.#finish();
  }

  define(sequence: number, { kind, key, value }: Definition): number {
    return this.#json(types.define, sequence, [kind, key, value]);
  }

  undefine(kind: string, key: string): number {
    return this.#json(types.undefine, 0, [kind, key]);
  }

  message(id: number, message: Omit<StoredMessage, 'id'>, queues: readonly QueuedIn[]): number {
    const { exchange, routingKey, content } = message;
    const isOwnPart = content.length >= ownPartLength;
    const marks = encodedMarks(message);
    let atMost = 28 + 3 * (exchange.length + routingKey.length) + (isOwnPart ? 0 : content.length);
    for (const { queue } of queues) atMost += 14 + 3 * queue.length;
    this.#begin(marks === undefined ? types.message : types.markedMessage, atMost + (marks?.length ?? 0));
    this.#uint48(id);
    if (marks !== undefined) {
      this.#uint32(marks.length);
      this.#bytes(marks);
    }
    this.#uint32(queues.length);
    for (const { queue, expiresAt, returns = neverReturned } of queues) {
      this.#text(queue);
      this.#end = this.#buffer.writeDoubleBE(expiresAt ?? Number.NaN, this.#end);
      this.#uint32(returns.deliveryCount);
    }
    return this.#publish(message);
  }

  entry(offset: number, time: number, message: StreamMessage): number {
    const { exchange, routingKey, content } = message;
    const isOwnPart = content.length >= ownPartLength;
    this.#begin(types.entry, 20 + 3 * (exchange.length + routingKey.length) + (isOwnPart ? 0 : content.length));
    this.#uint48(offset);
    this.#uint48(time);
    return this.#publish(message);
  }

  /** Writes what was published, and completes the record. A long content is a part of its own. */
  #publish({ exchange, routingKey, content, more = noParts, propertiesLength }: Omit<StoredMessage, 'id'>): number {
    this.#text(exchange);
    this.#text(routingKey);
    this.#uint32(propertiesLength);
    if (content.length >= ownPartLength) return this.#finish([content, ...more]);
    this.#bytes(content);
    return this.#finish(more);
  }

  settle(queue: string, ids: readonly number[]): number {
    this.#begin(types.settle, 2 + 3 * queue.length + 6 * ids.length);
    this.#text(queue);
    for (const id of ids) this.#uint48(id);
    return this.#finish();
  }

  returned(queue: string, id: number, { order, deliveryCount, acquiredCount }: Returns): number {
    this.#begin(types.returned, 22 + 3 * queue.length);
    this.#uint48(id);
    this.#uint48(order);
    this.#uint32(deliveryCount);
    this.#uint32(acquiredCount);
    this.#text(queue);
    return this.#finish();
  }

  drop(queue: string): number {
    this.#begin(types.drop, 2 + 3 * queue.length);
    this.#text(queue);
    return this.#finish();
  }

  /** Returns all bytes that were encoded since the last call. They do not change afterwards. */
  take(): Buffer[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #begin(type: number, atMost: number): void {
    const needed = headLength + 1 + atMost;
    if (this.#buffer.length - this.#end < needed) {
      this.#cut();
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(chunkLength, needed));
      this.#taken = 0;
      this.#end = 0;
    }
    this.#record = this.#end;
    this.#end += headLength;
    this.#buffer[this.#end++] = type;
  }

  /** Ends a record. `tail` contains its last bytes, which are not copied. */
  #finish(tail = noParts): number {
    const head = this.#buffer.subarray(this.#record + headLength, this.#end);
    let { length } = head;
    let checksum = crc32(head);
    if (tail.length > 0) this.#cut();
    for (const part of tail) {
      length += part.length;
      checksum = crc32(part, checksum);
      this.#parts.push(part);
    }
    writeUint32(this.#buffer, length, this.#record);
    writeUint32(this.#buffer, checksum, this.#record + 4);
    return headLength + length;
  }

  #cut(): void {
    if (this.#end > this.#taken) this.#parts.push(this.#buffer.subarray(this.#taken, this.#end));
    this.#taken = this.#end;
  }

  #json(type: number, sequence: number, value: unknown): number {
    const text = Buffer.from(JSON.stringify(value));
    this.#begin(type, 6 + text.length);
    this.#uint48(sequence);
    this.#bytes(text);
    return this.#finish();
  }

  #uint32(value: number): void {
    writeUint32(this.#buffer, value, this.#end);
    this.#end += 4;
  }

  #uint48(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.#buffer[this.#end] = high >>> 8;
    this.#buffer[this.#end + 1] = high;
    writeUint32(this.#buffer, value, this.#end + 2);
    this.#end += 6;
  }

  #bytes(bytes: Buffer): void {
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #text(text: string): void {
    const length = writeText(this.#buffer, text, this.#end + 2);
    this.#buffer[this.#end] = length >>> 8;
    this.#buffer[this.#end + 1] = length;
    this.#end += 2 + length;
  }
}

/** Assignments are faster than Buffer's methods, which check their arguments. */
function writeUint32(buffer: Buffer, value: number, at: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

/** Writes UTF-8. Returns its length. A loop is faster than a native call, because names are short and mostly ASCII. */
function writeText(buffer: Buffer, text: string, start: number): number {
  const { length } = text;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return buffer.write(text, start);
    buffer[start + index] = code;
  }
  return length;
}

/** Returns the end of the record at `offset`, or `undefined` if the record is incomplete or damaged. */
export function recordEnd(bytes: Buffer, offset: number): number | undefined {
  if (offset + headLength >= bytes.length) return undefined;
  const length = bytes.readUInt32BE(offset);
  const start = offset + headLength;
  // A hole in the file consists of zeros, which are also the length and the checksum of an empty record.
  if (length === 0 || start + length > bytes.length) return undefined;
  return crc32(bytes.subarray(start, start + length)) === bytes.readUInt32BE(offset + 4) ? start + length : undefined;
}

/** Returns true if a batch with this salt starts after `offset`. */
export function hasBatchAfter(bytes: Buffer, offset: number, salt: Buffer): boolean {
  const mark = Buffer.concat([Buffer.of(types.batch), salt]);
  for (let at = bytes.indexOf(mark, offset + 1); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    const start = at - headLength;
    if (start > offset && bytes.readUInt32BE(start) === mark.length + 6 && recordEnd(bytes, start) !== undefined)
      return true;
  }
  return false;
}

/** Decodes the record from `offset` to `end`. Returns `undefined` if its type is unknown. */
export function decodeRecord(bytes: Buffer, offset: number, end: number): StoreRecord | undefined {
  const reader = new Reader(bytes, offset + headLength);
  switch (reader.number(1)) {
    case types.batch:
      return { type: 'batch', sequence: bytes.readUIntBE(end - 6, 6) };
    case types.define: {
      const sequence = reader.number(6);
      const [kind, key, value] = JSON.parse(bytes.toString('utf8', reader.at, end));
      return { type: 'define', sequence, definition: { kind, key, value } };
    }
    case types.undefine: {
      const [kind, key] = JSON.parse(bytes.toString('utf8', reader.at + 6, end));
      return { type: 'undefine', kind, key };
    }
    case types.message:
      return messageRecord(reader, false);
    case types.markedMessage:
      return messageRecord(reader, true);
    case types.settle: {
      const queue = reader.text();
      const ids: number[] = [];
      while (reader.at < end) ids.push(reader.number(6));
      return { type: 'settle', queue, ids };
    }
    case types.redelivered: {
      const [id, deliveryCount] = [reader.number(6), reader.number(4)];
      return { type: 'returned', id, returns: returnsOf(deliveryCount), queue: reader.text() };
    }
    case types.returned:
      return returnedRecord(reader);
    case types.entry:
      return { type: 'entry', offset: reader.number(6), time: reader.number(6), rest: reader.at };
    case types.drop:
      return { type: 'drop', queue: reader.text() };
    default:
      return undefined;
  }
}

function returnedRecord(reader: Reader): StoreRecord {
  const id = reader.number(6);
  const returns = { order: reader.number(6), deliveryCount: reader.number(4), acquiredCount: reader.number(4) };
  return { type: 'returned', id, returns, queue: reader.text() };
}

/** Returns the counts for a record that contains only the delivery count. */
function returnsOf(deliveryCount: number): Returns {
  return deliveryCount === 0 ? neverReturned : { order: 0, deliveryCount, acquiredCount: deliveryCount };
}

function messageRecord(reader: Reader, isMarked: boolean): MessageRecord {
  const id = reader.number(6);
  const marks = isMarked ? reader.slice(reader.number(4)) : undefined;
  const queues: QueuedIn[] = [];
  for (let left = reader.number(4); left > 0; left--) queues.push(reader.queuedIn());
  return { type: 'message', id, marks, queues, rest: reader.at };
}

/** Decodes the message of a record that ends at `end`. The content is a copy. */
export function decodeMessage(bytes: Buffer, { id, marks, rest }: MessageRecord, end: number): StoredMessage {
  const reader = new Reader(bytes, rest);
  const [exchange, routingKey, propertiesLength] = [reader.text(), reader.text(), reader.number(4)];
  const decodedMarks: StoredMarks = marks === undefined ? {} : JSON.parse(marks.toString('utf8'));
  const content = Buffer.from(bytes.subarray(reader.at, end));
  return { id, exchange, routingKey, propertiesLength, content, ...decodedMarks };
}

/** Decodes the message of a record of a stream that ends at `end`. The content is a slice of `bytes`. */
export function decodeEntry(bytes: Buffer, { offset, time, rest }: EntryRecord, end: number): StreamRecord {
  const reader = new Reader(bytes, rest);
  const [exchange, routingKey, propertiesLength] = [reader.text(), reader.text(), reader.number(4)];
  return { offset, time, message: { exchange, routingKey, propertiesLength, content: bytes.subarray(reader.at, end) } };
}

/** Returns `undefined` for a message without marks, as most messages are. */
function encodedMarks({ deaths, moreKeys, hiddenKeys }: StoredMarks): Buffer | undefined {
  if (deaths === undefined && moreKeys === undefined) return undefined;
  return Buffer.from(JSON.stringify({ deaths, moreKeys, hiddenKeys } satisfies StoredMarks));
}

class Reader {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  number(length: number): number {
    const value = this.#bytes.readUIntBE(this.at, length);
    this.at += length;
    return value;
  }

  slice(length: number): Buffer {
    const start = this.at;
    this.at = start + length;
    return this.#bytes.subarray(start, this.at);
  }

  text(): string {
    const start = this.at + 2;
    this.at = start + this.#bytes.readUInt16BE(this.at);
    return this.#bytes.toString('utf8', start, this.at);
  }

  queuedIn(): QueuedIn {
    const queue = this.text();
    const expiresAt = this.#bytes.readDoubleBE(this.at);
    this.at += 8;
    return { queue, expiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt, returns: returnsOf(this.number(4)) };
  }
}
