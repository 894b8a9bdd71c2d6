// Puts the content of a publish together: its header frame, then body frames until the body is whole.

import { frameTypes, octetsText } from '../codec/frames.ts';
import { ProtocolError } from '../protocol-error.ts';

/** RabbitMQ 4: max_message_size. */
const largestBody = 16 * 1024 * 1024;
/** The memory of a larger body is taken as it comes, not as it is announced. */
const announcedLimit = 256 * 1024;
const classBasic = 60;
const headerSize = 12;
const noHeader = `expected content header for class ${classBasic}, got non content header frame instead`;

export class Content {
  /** Property bytes, then the body, once it is whole. */
  bytes: Buffer = Buffer.alloc(0);
  propertiesLength = 0;
  #awaits: 'nothing' | 'header' | 'body' = 'nothing';
  #filled = 0;
  #bodyLeft = 0;
  #bodyLength = 0;

  /** Whether a basic.publish was read and its content is not whole yet. */
  get isAwaited(): boolean {
    return this.#awaits !== 'nothing';
  }

  /** A basic.publish was read. */
  begin(): void {
    this.#awaits = 'header';
  }

  /** Throws 505 where content is due and a method has come. */
  expectNothing(): void {
    if (this.#awaits === 'nothing') return;
    throw new ProtocolError(
      'UNEXPECTED_FRAME',
      this.#awaits === 'header' ? noHeader : 'expected content body, got non content body frame instead',
    );
  }

  /** True: the content is whole. */
  take(type: number, buffer: Buffer, start: number, end: number): boolean {
    if (this.#awaits === 'nothing') {
      throw new ProtocolError('UNEXPECTED_FRAME', 'expected method frame, got non method frame instead');
    }
    if (this.#awaits === 'header') {
      if (type !== frameTypes.header) this.expectNothing();
      this.#takeHeader(buffer, start, end);
    } else {
      if (type !== frameTypes.body) this.expectNothing();
      this.#takeBody(buffer, start, end);
    }
    if (this.#bodyLeft > 0) return false;
    this.#awaits = 'nothing';
    // Only now: a client that has been refused may send what is left of the body after its close-ok.
    if (this.#bodyLength > largestBody) {
      throw new ProtocolError(
        'PRECONDITION_FAILED',
        `message size ${this.#bodyLength} is larger than configured max size ${largestBody}`,
      );
    }
    return true;
  }

  #takeHeader(buffer: Buffer, start: number, end: number): void {
    if (end - start < headerSize) {
      throw new ProtocolError('FRAME_ERROR', `type 2, ${octetsText(buffer, start, end)}: unknown_frame`);
    }
    if (end - start < headerSize + 2) throw new ProtocolError('FRAME_ERROR', 'cannot decode a content header');
    // AMQP 0-9-1, 4.2.6.1: the weight is unused and must be zero.
    if (buffer.readUInt16BE(start + 2) !== 0) throw new ProtocolError('UNEXPECTED_FRAME', noHeader);
    const classId = buffer.readUInt16BE(start);
    if (classId !== classBasic) {
      throw new ProtocolError(
        'UNEXPECTED_FRAME',
        `expected content header for class ${classBasic}, got one for class ${classId} instead`,
      );
    }
    const bodyLength = buffer.readUInt32BE(start + 4) * 0x1_0000_0000 + buffer.readUInt32BE(start + 8);
    this.#bodyLength = bodyLength;
    const propertiesLength = end - start - headerSize;
    this.#awaits = 'body';
    this.#bodyLeft = bodyLength;
    this.propertiesLength = propertiesLength;
    this.bytes = Buffer.allocUnsafe(propertiesLength + Math.min(bodyLength, announcedLimit));
    copy(this.bytes, 0, buffer, start + headerSize, end);
    this.#filled = propertiesLength;
  }

  #takeBody(buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length > this.#bodyLeft) {
      throw new ProtocolError('FRAME_ERROR', 'content body frame exceeds remaining content size');
    }
    this.#bodyLeft -= length;
    if (this.#bodyLength > largestBody) return;
    if (this.#filled + length > this.bytes.length) this.#grow(this.#filled + length);
    copy(this.bytes, this.#filled, buffer, start, end);
    this.#filled += length;
  }

  /** Twice as large each time, and in the end as large as was announced: however small the frames are, they cost no more than their bytes. */
  #grow(needed: number): void {
    const whole = this.propertiesLength + this.#bodyLength;
    const larger = Buffer.allocUnsafe(Math.min(whole, Math.max(needed, this.bytes.length * 2)));
    this.bytes.copy(larger, 0, 0, this.#filled);
    this.bytes = larger;
  }
}

/** A loop is faster than a call into the engine for a few bytes. */
function copy(target: Buffer, at: number, source: Buffer, start: number, end: number): void {
  if (end - start > 64) source.copy(target, at, start, end);
  else for (let from = start, to = at; from < end; from++, to++) target[to] = source[from] as number;
}
