// Assembles the content of a publish. It consists of one header frame, followed by body frames until the body is complete.

import { copiedBelow, frameTypes, octetsText } from '../codec/frames.ts';
import { copyBytes } from '../codec/values.ts';
import { ProtocolError } from '../protocol-error.ts';

/** RabbitMQ 4: the default of max_message_size. */
const largestBody = 16 * 1024 * 1024;
/** A body of at least this length is not copied to one buffer, but kept in the slices in which it arrives. */
const slicedFrom = 64 * 1024;
/** Small slices are copied to buffers of this size, because a slice keeps the whole chunk of the socket in memory. */
const gatheredBytes = copiedBelow;
const noBuffer = Buffer.alloc(0);
const noSlices: Buffer[] = [];
const classBasic = 60;
const headerSize = 12;
const noHeader = `expected content header for class ${classBasic}, got non content header frame instead`;

export class Content {
  /** The encoded properties, followed by the body if it is not in slices. */
  bytes: Buffer = noBuffer;
  /** The slices of a large body. */
  more = noSlices;
  propertiesLength = 0;
  #awaits: 'nothing' | 'header' | 'body' = 'nothing';
  #filled = 0;
  #bodyLeft = 0;
  #bodyLength = 0;
  /** Small slices that were copied together, and their length. */
  #gathered = noBuffer;
  #gatheredLength = 0;

  /** True if a basic.publish was received and its content is not complete. */
  get isAwaited(): boolean {
    return this.#awaits !== 'nothing';
  }

  /** Frees the content after it was published, because the next one may arrive much later. */
  release(): void {
    this.bytes = noBuffer;
    this.more = noSlices;
  }

  /** Expects the content of a basic.publish. */
  begin(): void {
    this.#awaits = 'header';
  }

  /** Throws 505 if the next frame must be a part of the content. */
  expectNothing(): void {
    if (this.#awaits === 'nothing') return;
    throw new ProtocolError(
      'UNEXPECTED_FRAME',
      this.#awaits === 'header' ? noHeader : 'expected content body, got non content body frame instead',
    );
  }

  /** Receives a frame. Returns true when the content is complete. Throws 406 for a body that is too large. */
  receive(type: number, buffer: Buffer, start: number, end: number): boolean {
    if (this.#awaits === 'nothing') {
      throw new ProtocolError('UNEXPECTED_FRAME', 'expected method frame, got non method frame instead');
    }
    if (this.#awaits === 'header') {
      if (type !== frameTypes.header) this.expectNothing();
      this.#receiveHeader(buffer, start, end);
    } else {
      if (type !== frameTypes.body) this.expectNothing();
      this.#receiveBody(buffer, start, end);
    }
    if (this.#bodyLeft > 0) return false;
    this.#awaits = 'nothing';
    // This is checked after the last frame, because a client that is refused earlier may send body frames after its close-ok.
    if (this.#bodyLength > largestBody) {
      throw new ProtocolError(
        'PRECONDITION_FAILED',
        `message size ${this.#bodyLength} is larger than configured max size ${largestBody}`,
      );
    }
    return true;
  }

  #receiveHeader(buffer: Buffer, start: number, end: number): void {
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
    this.bytes = Buffer.allocUnsafe(propertiesLength + (bodyLength < slicedFrom ? bodyLength : 0));
    // A message keeps this array, so that the next one needs another.
    this.more = bodyLength < slicedFrom ? noSlices : [];
    copyBytes(buffer, start + headerSize, end, this.bytes, 0);
    this.#filled = propertiesLength;
  }

  #receiveBody(buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length > this.#bodyLeft) {
      throw new ProtocolError('FRAME_ERROR', 'content body frame exceeds remaining content size');
    }
    this.#bodyLeft -= length;
    if (this.#bodyLength < slicedFrom) {
      copyBytes(buffer, start, end, this.bytes, this.#filled);
      this.#filled += length;
      return;
    }
    if (this.#bodyLength > largestBody) return;
    if (length < gatheredBytes) this.#gather(buffer, start, end);
    else {
      this.#endGathered();
      this.more.push(buffer.subarray(start, end));
    }
    if (this.#bodyLeft === 0) this.#endGathered();
  }

  /** Copies a small slice behind the previous ones. */
  #gather(buffer: Buffer, start: number, end: number): void {
    if (this.#gatheredLength + end - start > this.#gathered.length) {
      this.#endGathered();
      this.#gathered = Buffer.allocUnsafeSlow(gatheredBytes);
    }
    this.#gatheredLength += buffer.copy(this.#gathered, this.#gatheredLength, start, end);
  }

  #endGathered(): void {
    if (this.#gatheredLength > 0) this.more.push(this.#gathered.subarray(0, this.#gatheredLength));
    this.#gathered = noBuffer;
    this.#gatheredLength = 0;
  }
}
