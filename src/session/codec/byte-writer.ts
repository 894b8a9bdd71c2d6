// Writes the primitive values of AMQP (0-9-1, 4.2.5) to a growing buffer.

import { bytesOfText, isPlainText } from '../byte-text.ts';

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(512);
  length = 0;

  /** Reserves `count` bytes and returns the position of the first one. */
  reserve(count: number): number {
    const start = this.length;
    if (start + count > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(2 * (start + count));
      this.#bytes.copy(grown, 0, 0, start);
      this.#bytes = grown;
    }
    this.length += count;
    return start;
  }

  /** The underlying buffer, which is valid until the next `reserve`. */
  get buffer(): Buffer {
    return this.#bytes;
  }

  octet(value: number): void {
    const start = this.reserve(1);
    this.#bytes.writeUInt8(value, start);
  }

  short(value: number): void {
    const start = this.reserve(2);
    this.#bytes.writeUInt16BE(value, start);
  }

  add(bytes: Buffer): void {
    const start = this.reserve(bytes.length);
    this.#bytes.set(bytes, start);
  }

  /** AMQP 0-9-1, 4.2.5.3: a short string holds at most 255 octets. */
  shortText(text: string, what: string): void {
    const bytes = isPlainText(text) ? undefined : bytesOfText(text);
    const length = bytes?.length ?? Buffer.byteLength(text);
    if (length > 255) throw new RangeError(`the ${what} has ${length} bytes; AMQP allows 255`);
    const start = this.reserve(length + 1);
    this.#bytes[start] = length;
    if (bytes) bytes.copy(this.#bytes, start + 1);
    else this.#bytes.write(text, start + 1);
  }

  longBytes(bytes: Buffer): void {
    const start = this.reserve(4);
    this.#bytes.writeUInt32BE(bytes.length, start);
    this.add(bytes);
  }

  /** Writes a length, followed by the output of `write`. */
  sized(write: () => void): void {
    const start = this.reserve(4);
    write();
    this.#bytes.writeUInt32BE(this.length - start - 4, start);
  }

  /** Removes the bytes from this position on. */
  truncate(length: number): void {
    this.length = length;
  }

  /** Returns a copy of the written bytes. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafe(this.length);
    this.#bytes.copy(copy, 0, 0, this.length);
    return copy;
  }

  /** Returns the written bytes. Nothing may be written afterwards. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }
}
