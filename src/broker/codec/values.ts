// The elementary values of AMQP 0-9-1 (4.2.5), read from and written to a buffer.

import { ProtocolError } from '../protocol-error.ts';

/** Number of octets that an error text shows. A reply text has at most 255 bytes. */
const shownOctets = 64;
const highWord = 0x1_0000_0000;

/** Reads values from `buffer` between `offset` and `end`. Throws 501 if the bytes end too early. */
export class Reader {
  readonly buffer: Buffer;
  offset: number;
  readonly end: number;
  readonly #start: number;

  constructor(buffer: Buffer, offset = 0, end = buffer.length) {
    this.buffer = buffer;
    this.offset = offset;
    this.#start = offset;
    this.end = end;
  }

  /** Skips bytes. Returns the offset of the first one. */
  skip(length: number): number {
    const start = this.offset;
    if (length > this.end - start) throw this.#failure();
    this.offset = start + length;
    return start;
  }

  /** Throws 501 if bytes remain. */
  expectEnd(): void {
    if (this.offset !== this.end) throw this.#failure();
  }

  #failure(): ProtocolError {
    const fields = this.buffer.subarray(this.#start, Math.min(this.end, this.#start + shownOctets));
    return new ProtocolError('FRAME_ERROR', `cannot decode <<${fields.join(',')}>>`);
  }

  octet(): number {
    return this.buffer.readUInt8(this.skip(1));
  }

  short(): number {
    return this.buffer.readUInt16BE(this.skip(2));
  }

  long(): number {
    return this.buffer.readUInt32BE(this.skip(4));
  }

  /** Returns a number, which is inexact above 2^53. The delivery tags and sizes of the broker stay below that. */
  longlong(): number {
    const start = this.skip(8);
    return this.buffer.readUInt32BE(start) * highWord + this.buffer.readUInt32BE(start + 4);
  }

  /** Returns a bigint if a number would not be exact. */
  exactLonglong(): number | bigint {
    const value = this.buffer.readBigUInt64BE(this.skip(8));
    return value > Number.MAX_SAFE_INTEGER ? value : Number(value);
  }

  /** Throws 502 if the bytes are not UTF-8, because the broker would later send back different bytes. */
  shortstr(): string {
    const before = this.offset + 1;
    const text = this.looseShortstr();
    if (text.includes('\u{FFFD}') && !Buffer.from(text).equals(this.buffer.subarray(before, this.offset))) {
      throw new ProtocolError('SYNTAX_ERROR', 'a short string is not UTF-8');
    }
    return text;
  }

  /** Replaces bytes that are not UTF-8 by U+FFFD. Use it only if the broker relays the received bytes and not this text. */
  looseShortstr(): string {
    const length = this.octet();
    const start = this.skip(length);
    return this.buffer.toString('utf8', start, start + length);
  }

  /** Returns a slice of the buffer, which is not copied. */
  longstr(): Buffer {
    const length = this.long();
    const start = this.skip(length);
    return this.buffer.subarray(start, start + length);
  }
}

/** Writes values to a buffer that grows. */
export class Writer {
  buffer: Buffer;
  length = 0;

  constructor(size = 256) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  /** Makes room for bytes. Returns the offset of the first one. */
  reserve(length: number): number {
    const start = this.length;
    if (start + length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, start + length));
      this.buffer.copy(larger, 0, 0, start);
      this.buffer = larger;
    }
    this.length = start + length;
    return start;
  }

  octet(value: number): void {
    const start = this.reserve(1);
    this.buffer[start] = value;
  }

  short(value: number): void {
    const start = this.reserve(2);
    this.buffer.writeUInt16BE(value, start);
  }

  long(value: number): void {
    const start = this.reserve(4);
    this.buffer.writeUInt32BE(value, start);
  }

  /** Writes the nearest unsigned 64-bit integer, because a number may have been rounded up to 2^64. */
  longlong(value: number | bigint): void {
    const start = this.reserve(8);
    if (typeof value === 'bigint') {
      this.buffer.writeBigUInt64BE(value, start);
      return;
    }
    const isTooLarge = value >= highWord * highWord;
    const whole = value > 0 ? Math.floor(value) : 0;
    this.buffer.writeUInt32BE(isTooLarge ? highWord - 1 : Math.floor(whole / highWord), start);
    this.buffer.writeUInt32BE(isTooLarge ? highWord - 1 : whole % highWord, start + 4);
  }

  shortstr(value: string): void {
    const length = Buffer.byteLength(value);
    if (length > 255) throw new RangeError(`a short string has at most 255 bytes, not ${length}`);
    this.octet(length);
    const start = this.reserve(length);
    this.buffer.write(value, start, length, 'utf8');
  }

  longstr(value: string | Buffer): void {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.long(bytes.length);
    this.bytes(bytes);
  }

  bytes(value: Buffer): void {
    const start = this.reserve(value.length);
    value.copy(this.buffer, start);
  }

  /** Returns a copy of the written bytes. */
  done(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length));
  }
}

/** Copies bytes. Returns the offset after them in `target`. For a few bytes, a loop is faster than a native call. */
export function copyBytes(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  if (end - start > 64) source.copy(target, at, start, end);
  // This is a cast, because a default value would need a comparison for each byte.
  else for (let from = start, to = at; from < end; from++, to++) target[to] = source[from] as number;
  return at + end - start;
}
