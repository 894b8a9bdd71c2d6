// Splits a stream of chunks into frames (AMQP 0-9-1, 4.2.3). Copies only small frames that arrive in several chunks. A large
// body frame that arrives in several chunks is passed on in pieces, which are not copied.

import { ProtocolError } from '../protocol-error.ts';

export const frameTypes = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
export const frameEnd = 0xce;
/** Number of octets that a frame adds to its payload. */
export const frameOverhead = 8;

/**
 * The payload is `buffer` from `start` to `end`. A payload of less than `copiedBelow` bytes is valid only during the call.
 * A body frame may arrive in several calls, because its pieces are equivalent to body frames.
 */
export type OnFrame = (type: number, channel: number, buffer: Buffer, start: number, end: number) => void;

const headerSize = 7;
/** Initial size of the buffer for a frame that arrives in several chunks. */
const firstPiece = 1024;
/** A buffer of at least this size is freed after its frame. A body frame of at least this size is passed on in pieces. */
export const copiedBelow = 8 * 1024;

export class FrameParser {
  /** Largest accepted frame in bytes, including the overhead. connection.tune-ok changes it. */
  frameMax: number;
  #onFrame: OnFrame;
  /** The first bytes of a frame that is not complete. */
  #piece = Buffer.alloc(0);
  #pieceLength = 0;
  /** Bytes of the payload of a large body frame that were not passed on yet. */
  #bodyLeft = 0;
  #bodyChannel = 0;
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
    this.#bodyLeft = 0;
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

  /** Calls `onFrame` for each frame. Throws 501 for a frame that is too large or has no end marker. */
  push(chunk: Buffer): void {
    if (this.#paused) {
      this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
      return;
    }
    let at = 0;
    while (at < chunk.length && !this.#stopped && !this.#paused) {
      if (this.#bodyLeft > 0) at = this.#receiveBody(chunk, at);
      else if (this.#pieceLength > 0) at = this.#complete(chunk, at);
      else at = this.#receive(chunk, at);
    }
    if (this.#paused && !this.#stopped && at < chunk.length) this.#rest = chunk.subarray(at);
  }

  /** Receives a frame that begins at `at`. Returns the offset after the bytes that were used. */
  #receive(chunk: Buffer, at: number): number {
    const available = chunk.length - at;
    if (available >= headerSize) {
      const total = this.#lengthOf(chunk, at);
      if (available >= total) {
        this.#frame(chunk, at, total);
        return at + total;
      }
      if (this.#isLargeBody(chunk, at, total)) return at + headerSize;
    }
    this.#keep(chunk, at, chunk.length);
    return chunk.length;
  }

  /** Receives bytes of a frame that began in an earlier chunk. Returns the offset after the bytes that were used. */
  #complete(chunk: Buffer, at: number): number {
    const total = this.#pieceLength < headerSize ? headerSize : this.#lengthOf(this.#piece, 0);
    const taken = Math.min(total - this.#pieceLength, chunk.length - at);
    this.#keep(chunk, at, at + taken);
    if (this.#pieceLength < total) return at + taken;
    if (total > headerSize) {
      this.#pieceLength = 0;
      this.#frame(this.#piece, 0, total);
      if (this.#piece.length >= copiedBelow) this.#piece = Buffer.alloc(0);
    } else if (this.#isLargeBody(this.#piece, 0, this.#lengthOf(this.#piece, 0))) this.#pieceLength = 0;
    return at + taken;
  }

  /** Returns true if a large body frame begins at `at`. Its payload is then passed on in pieces. */
  #isLargeBody(buffer: Buffer, at: number, total: number): boolean {
    if (buffer[at] !== frameTypes.body || total < copiedBelow) return false;
    this.#bodyLeft = total - frameOverhead;
    this.#bodyChannel = buffer.readUInt16BE(at + 1);
    return true;
  }

  /** Receives a piece of a large body frame. Passes on the last byte only if the end marker follows it. */
  #receiveBody(chunk: Buffer, at: number): number {
    const left = this.#bodyLeft;
    const end = Math.min(chunk.length, at + left);
    if (end < chunk.length) {
      assertFrameEnd(frameTypes.body, chunk, at, end);
      this.#bodyLeft = 0;
      this.#onFrame(frameTypes.body, this.#bodyChannel, chunk, at, end);
      return end + 1;
    }
    const taken = Math.min(end - at, left - 1);
    if (taken > 0) {
      this.#bodyLeft = left - taken;
      this.#onFrame(frameTypes.body, this.#bodyChannel, chunk, at, at + taken);
      return at + taken;
    }
    // Only the last byte has arrived. It becomes a frame of one byte, which the end marker completes.
    this.#bodyLeft = 0;
    const head = Buffer.of(frameTypes.body, this.#bodyChannel >> 8, this.#bodyChannel, 0, 0, 0, 1);
    this.#keep(head, 0, headerSize);
    this.#keep(chunk, at, at + 1);
    return at + 1;
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
    assertFrameEnd(type, buffer, at + headerSize, end);
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

function assertFrameEnd(type: number, buffer: Buffer, start: number, end: number): void {
  if (buffer[end] === frameEnd) return;
  throw new ProtocolError(
    'FRAME_ERROR',
    `type ${type}, ${octetsText(buffer, start, end)}: {invalid_frame_end_marker,${buffer[end]}}`,
  );
}

/** Returns a payload as RabbitMQ's error texts show it: as text if it is printable. */
export function octetsText(buffer: Buffer, start: number, end: number): string {
  const shown = buffer.subarray(start, Math.min(end, start + 16));
  const isText = shown.length > 0 && shown.every((octet) => octet >= 0x20 && octet < 0x7f);
  const octets = isText ? JSON.stringify(shown.toString('latin1')) : shown.join(',');
  return `${end - start > 16 ? 'first 16' : 'all'} octets = <<${octets}>>`;
}
