// Splits a stream of chunks into frames (AMQP 0-9-1, 4.2.3). Copies only a frame that arrives in several chunks.

import { ProtocolError } from '../protocol-error.ts';

export const frameTypes = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
export const frameEnd = 0xce;
/** Number of octets that a frame adds to its payload. */
export const frameOverhead = 8;

/** The payload is `buffer` from `start` to `end`. It is valid only during the call. */
export type OnFrame = (type: number, channel: number, buffer: Buffer, start: number, end: number) => void;

const headerSize = 7;
/** Initial size of the buffer for a frame that arrives in several chunks. */
const firstPiece = 1024;
/** A larger buffer is freed after its frame. */
const largestKept = 16 * 1024;

export class FrameParser {
  /** Largest accepted frame in bytes, including the overhead. connection.tune-ok changes it. */
  frameMax: number;
  #onFrame: OnFrame;
  /** The first bytes of a frame that is not complete. */
  #piece = Buffer.alloc(0);
  #pieceLength = 0;
  #stopped = false;
  #paused = false;
  /** Bytes that arrived during a pause. */
  #rest: Buffer | undefined;

  constructor(frameMax: number, onFrame: OnFrame) {
    this.frameMax = frameMax;
    this.#onFrame = onFrame;
  }

  /** Ignores everything that arrives from now on. */
  stop(): void {
    this.#stopped = true;
    this.#pieceLength = 0;
    this.#rest = undefined;
  }

  /** Stops calling `onFrame` until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  /** Continues after a pause. Throws like `push`. */
  resume(): void {
    this.#paused = false;
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.push(rest);
  }

  /** Calls `onFrame` for each complete frame. Throws 501 for a frame that is too large or has no end marker. */
  push(chunk: Buffer): void {
    if (this.#paused) {
      this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
      return;
    }
    let at = this.#pieceLength > 0 ? this.#complete(chunk) : 0;
    while (!this.#stopped && !this.#paused) {
      if (chunk.length - at < headerSize) break;
      const total = this.#lengthOf(chunk, at);
      if (chunk.length - at < total) break;
      this.#frame(chunk, at, total);
      at += total;
    }
    if (this.#stopped || at === chunk.length) return;
    if (this.#paused) this.#rest = chunk.subarray(at);
    else this.#keep(chunk, at, chunk.length);
  }

  /** Completes the frame that began in an earlier chunk. Returns the number of bytes that belong to it. */
  #complete(chunk: Buffer): number {
    let at = 0;
    while (!this.#stopped) {
      const total = this.#pieceLength < headerSize ? headerSize : this.#lengthOf(this.#piece, 0);
      const missing = total - this.#pieceLength;
      const taken = Math.min(missing, chunk.length - at);
      this.#keep(chunk, at, at + taken);
      at += taken;
      if (taken < missing) break;
      if (total === headerSize) continue;
      this.#pieceLength = 0;
      this.#frame(this.#piece, 0, total);
      if (this.#piece.length > largestKept) this.#piece = Buffer.alloc(0);
      break;
    }
    return at;
  }

  #lengthOf(buffer: Buffer, at: number): number {
    const size = buffer.readUInt32BE(at + 3);
    if (size > this.frameMax - frameOverhead) {
      const type = buffer[at] ?? 0;
      throw new ProtocolError(
        'FRAME_ERROR',
        `type ${type}, all octets = <<>>: {frame_too_large,${size},${this.frameMax - frameOverhead}}`,
      );
    }
    return headerSize + size + 1;
  }

  #frame(buffer: Buffer, at: number, total: number): void {
    const end = at + total - 1;
    const type = buffer[at] ?? 0;
    if (buffer[end] !== frameEnd) {
      throw new ProtocolError(
        'FRAME_ERROR',
        `type ${type}, ${octetsText(buffer, at + headerSize, end)}: {invalid_frame_end_marker,${buffer[end]}}`,
      );
    }
    this.#onFrame(type, buffer.readUInt16BE(at + 1), buffer, at + headerSize, end);
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const length = this.#pieceLength + end - start;
    if (length > this.#piece.length) {
      const larger = Buffer.allocUnsafe(Math.max(firstPiece, length, this.#pieceLength * 2));
      this.#piece.copy(larger, 0, 0, this.#pieceLength);
      this.#piece = larger;
    }
    chunk.copy(this.#piece, this.#pieceLength, start, end);
    this.#pieceLength = length;
  }
}

/** Returns a payload as RabbitMQ's error texts show it: as text if it is printable. */
export function octetsText(buffer: Buffer, start: number, end: number): string {
  const shown = buffer.subarray(start, Math.min(end, start + 16));
  const isText = shown.length > 0 && shown.every((octet) => octet >= 0x20 && octet < 0x7f);
  const octets = isText ? JSON.stringify(shown.toString('latin1')) : shown.join(',');
  return `${end - start > 16 ? 'first 16' : 'all'} octets = <<${octets}>>`;
}
