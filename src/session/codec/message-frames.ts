// Writes the frames of a published message (AMQP 0-9-1, 4.2.3). The frames of a series are encoded once; for each of its
// messages only the sizes, the number in the message-id and the body are written.

import { type MessageSeries, SeriesMessage, type WritableMessage } from '../outgoing-message.ts';
import type { Properties } from '../raw-message.ts';
import { ByteWriter } from './byte-writer.ts';
import { writeProperties } from './content-header.ts';

const frameType = { method: 1, header: 2, body: 3 };
const frameEnd = 0xce;
const basic = { class: 60, publish: 40 };
/** Type, channel and size come before the payload, and one octet follows it. */
const overhead = { before: 7, after: 1 };
/** A body below this size is written together with its frames. AMQP 0-9-1: every frame may have 4096 bytes. */
export const smallBody = 2048;
const noBody = Buffer.alloc(0);

export interface FrameChannel {
  readonly number: number;
  /** Maximum size of a frame in bytes. 0 means no limit. */
  readonly frameMax: number;
}

/**
 * Writes the frames of a message, except those of a body that is not small. Throws RangeError or TypeError if AMQP cannot
 * represent the message.
 */
export function writeMessage(writer: ByteWriter, channel: FrameChannel, message: WritableMessage): void {
  if (message instanceof SeriesMessage) {
    if (!template?.isFor(message.series, channel)) template = new Template(message.series, channel);
    template.write(writer, message);
  } else {
    writeMethod(writer, channel, message);
    writeHeader(writer, channel, message);
  }
  const { body } = message;
  if (body.length === 0 || body.length >= smallBody) return;
  const start = beginFrame(writer, frameType.body, channel);
  writer.add(body);
  endFrame(writer, start);
}

/** Method and content header of the messages of a series on one channel. */
class Template {
  readonly #series: MessageSeries;
  readonly #channel: FrameChannel;
  /** Bytes before and after the number in the message-id. */
  readonly #before: Buffer;
  readonly #after: Buffer;
  /** Positions in `#before`. */
  readonly #headerAt: number;
  readonly #idLengthAt: number;

  constructor(series: MessageSeries, channel: FrameChannel) {
    this.#series = series;
    this.#channel = channel;
    const writer = new ByteWriter();
    writeMethod(writer, channel, series);
    this.#headerAt = writer.length;
    const { idStart } = series;
    writeHeader(writer, channel, { properties: { ...series.properties, messageId: idStart }, body: noBody });
    const bytes = writer.done();
    // The id starts with a random UUID, so nothing before it contains the same bytes.
    const idAt = bytes.indexOf(idStart, this.#headerAt);
    this.#idLengthAt = idAt - 1;
    this.#before = bytes.subarray(0, idAt + idStart.length);
    this.#after = bytes.subarray(idAt + idStart.length);
  }

  isFor(series: MessageSeries, channel: FrameChannel): boolean {
    return series === this.#series && channel === this.#channel;
  }

  write(writer: ByteWriter, { series, number, body }: SeriesMessage): void {
    const digits = digitsOf(number);
    const start = writer.reserve(this.#before.length + digits + this.#after.length);
    const { buffer } = writer;
    const end = start + this.#before.length + digits;
    buffer.set(this.#before, start);
    writeDigits(buffer, number, end);
    buffer.set(this.#after, end);
    buffer[start + this.#idLengthAt] = series.idStart.length + digits;
    const header = start + this.#headerAt;
    const size = writer.length - overhead.after - header - overhead.before;
    checkHeaderSize(this.#channel, size);
    buffer.writeUInt32BE(size, header + 3);
    writeBodySize(buffer, header + overhead.before + headerStart.length, body.length);
  }
}

/** Template of the last series. */
let template: Template | undefined;

function digitsOf(number: number): number {
  let digits = 1;
  for (let least = 10; number >= least; least *= 10) digits += 1;
  return digits;
}

/** Writes a number in decimal digits that end before `end`. */
function writeDigits(bytes: Buffer, number: number, end: number): void {
  let [left, at] = [number, end];
  do {
    at -= 1;
    bytes[at] = 0x30 + (left % 10);
    left = Math.floor(left / 10);
  } while (left > 0);
}

/** Class, method and reserved ticket of basic.publish (AMQP 0-9-1, 1.8.3.7). */
const publishStart = Buffer.from([0, basic.class, 0, basic.publish, 0, 0]);

function writeMethod(
  writer: ByteWriter,
  channel: FrameChannel,
  { exchange, routingKey, mandatory }: Pick<WritableMessage, 'exchange' | 'routingKey' | 'mandatory'>,
): void {
  const start = beginFrame(writer, frameType.method, channel);
  writer.add(publishStart);
  writer.shortText(exchange, 'name of the exchange');
  writer.shortText(routingKey, 'routing key');
  writer.octet(mandatory ? 1 : 0);
  endFrame(writer, start);
}

/** Class and weight of a content header (AMQP 0-9-1, 4.2.6.1). The size of the body and the properties follow. */
const headerStart = Buffer.from([0, basic.class, 0, 0]);

function writeHeader(
  writer: ByteWriter,
  channel: FrameChannel,
  { properties, body }: { readonly properties: Properties; readonly body: Buffer },
): void {
  const start = beginFrame(writer, frameType.header, channel);
  writer.add(headerStart);
  const size = writer.reserve(8);
  writeBodySize(writer.buffer, size, body.length);
  writeProperties(writer, properties);
  checkHeaderSize(channel, writer.length - start - overhead.before);
  endFrame(writer, start);
}

function writeBodySize(bytes: Buffer, at: number, size: number): void {
  bytes.writeUInt32BE(Math.floor(size / 2 ** 32), at);
  bytes.writeUInt32BE(size % 2 ** 32, at + 4);
}

/** Throws if a content header does not fit into one frame. */
function checkHeaderSize({ frameMax }: FrameChannel, size: number): void {
  const most = frameMax - overhead.before - overhead.after;
  if (frameMax > 0 && size > most)
    throw new RangeError(`its properties have ${size} bytes; the broker's frame_max allows ${most}`);
}

/** Writes the start of a frame and returns its position. */
function beginFrame(writer: ByteWriter, type: number, channel: FrameChannel): number {
  const start = writer.reserve(overhead.before);
  writer.buffer.writeUInt8(type, start);
  writer.buffer.writeUInt16BE(channel.number, start + 1);
  return start;
}

function endFrame(writer: ByteWriter, start: number): void {
  writer.buffer.writeUInt32BE(writer.length - start - overhead.before, start + 3);
  writer.octet(frameEnd);
}
