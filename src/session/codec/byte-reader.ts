// Reads the primitive values of AMQP (0-9-1, 4.2.5) from bytes, from start to end.

import { textAt } from '../byte-text.ts';

/** Every method throws a RangeError if there are too few bytes. */
export class ByteReader {
  readonly bytes: Buffer;
  at: number;
  readonly #end: number;

  /** Reads from `start` to `end`. */
  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#end;
  }

  /** Skips `count` bytes and returns the position of the first one. */
  skip(count: number): number {
    const start = this.at;
    if (start + count > this.#end) throw new RangeError('the data ends too early');
    this.at += count;
    return start;
  }

  take(count: number): Buffer {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  octet(): number {
    return this.bytes.readUInt8(this.skip(1));
  }

  long(): number {
    return this.bytes.readUInt32BE(this.skip(4));
  }

  shortText(): string {
    const length = this.octet();
    const start = this.skip(length);
    return textAt(this.bytes, start, this.at);
  }
}
