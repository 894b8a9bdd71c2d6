// Writes messages with mq's codec, and all messages of one turn together. amqplib 2.3.1 changes messages (lib/codec.js,
// lib/defs.js), as content-frames.ts describes, and refuses headers over 64 KiB (SCRATCH, defs.js). It also passes each
// message through two streams as a chunk of its own (connection.js, mux.js), which costs more than its encoding, and
// keeps a callback for each message in an array that it splices (channel.js: handleConfirm).

// This import uses a path, because the package's `exports` do not name the file.
import { type ChannelBuffer, Connection } from '../../../node_modules/amqplib/lib/connection.js';
import type { ConfirmChannel } from '../channel.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { writeProperties } from '../codec/content-header.ts';
import type { OutgoingMessage } from '../outgoing-message.ts';

const frameType = { method: 1, header: 2, body: 3 };
const frameEnd = 0xce;
const basic = { class: 60, publish: 40 };
/** AMQP 0-9-1, 4.2.3: type, channel and size come before the payload, and one octet follows it. */
const overhead = { before: 7, after: 1 };
/** A body below this size is written together with its frames. AMQP 0-9-1: every frame may have 4096 bytes. */
const smallBody = 2048;
/** Number of gathered bytes that are written before the end of the turn. */
const mostGathered = 64 * 1024;

/**
 * Publishes a message. The caller counts delivery tags and receives the confirms as the events `ack` and `nack`. Throws
 * IllegalOperationError if the channel is closed, and RangeError or TypeError if AMQP cannot represent the message; a
 * message that throws has no delivery tag.
 */
export function publishMessage(channel: ConfirmChannel, message: OutgoingMessage): void {
  channel.sendMessage(message, message, message.body);
}

/** Frames of one channel that are written at the end of the turn, or before anything else on this channel. */
class GatheredFrames {
  readonly writer = new ByteWriter();
  #connection: Connection | undefined;
  #channel = 0;
  #buffer: ChannelBuffer | undefined;
  #isScheduled = false;

  /** Prepares the writer for frames of this channel. */
  begin(connection: Connection, channel: number): void {
    const buffer = connection.channels[channel]?.buffer;
    if (buffer !== this.#buffer) this.flush();
    this.#connection = connection;
    this.#channel = channel;
    this.#buffer = buffer;
  }

  /** Ends the frames of one message. Returns `false` if the channel has a backlog, as `write` does. */
  end(): boolean {
    if (this.writer.length >= mostGathered) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(this.#endTurn);
    }
    return this.#buffer?.writableNeedDrain === false;
  }

  flush(): void {
    if (this.writer.length === 0) return;
    const bytes = this.writer.copy();
    this.writer.truncate(0);
    // If the channel is closed, amqplib has ended its buffer. The publisher sends the messages again on another one.
    if (this.#connection?.channels[this.#channel]?.buffer === this.#buffer) this.#buffer?.write(bytes);
  }

  readonly #endTurn = () => {
    this.#isScheduled = false;
    this.flush();
  };
}

const gathered = new GatheredFrames();

const { sendMessage, sendMethod, sendContent } = Connection.prototype;

Connection.prototype.sendMethod = function (...args) {
  gathered.flush();
  return sendMethod.apply(this, args);
};

Connection.prototype.sendMessage = function (channel, method, fields, id, properties, content) {
  if (properties.body === undefined) {
    gathered.flush();
    return sendMessage.call(this, channel, method, fields, id, properties, content);
  }
  this.sentSinceLastCheck = true;
  gathered.begin(this, channel);
  const { writer } = gathered;
  const start = writer.length;
  try {
    writeMessage(writer, channel, properties, this.frameMax);
  } catch (error) {
    writer.truncate(start);
    throw error;
  }
  if (content.length < smallBody) return gathered.end();
  gathered.flush();
  return sendContent.call(this, channel, content);
};

/** Writes the frames of a message, except those of a large body. */
function writeMessage(writer: ByteWriter, channel: number, message: OutgoingMessage, frameMax: number): void {
  const { body } = message;
  const method = beginFrame(writer, frameType.method, channel);
  writePublish(writer, message);
  endFrame(writer, method);
  const header = beginFrame(writer, frameType.header, channel);
  writer.add(headerStart);
  const size = writer.reserve(8);
  writer.buffer.writeUInt32BE(Math.floor(body.length / 2 ** 32), size);
  writer.buffer.writeUInt32BE(body.length % 2 ** 32, size + 4);
  writeProperties(writer, message.properties);
  const [bytes, most] = [writer.length - header - overhead.before, frameMax - overhead.before - overhead.after];
  if (frameMax > 0 && bytes > most)
    throw new RangeError(`its properties have ${bytes} bytes; the broker's frame_max allows ${most}`);
  endFrame(writer, header);
  if (body.length === 0 || body.length >= smallBody) return;
  const content = beginFrame(writer, frameType.body, channel);
  writer.add(body);
  endFrame(writer, content);
}

/** Class and weight of a content header (AMQP 0-9-1, 4.2.6.1). */
const headerStart = Buffer.from([0, basic.class, 0, 0]);
/** Class, method and reserved ticket of basic.publish (AMQP 0-9-1, 1.8.3.7). */
const publishStart = Buffer.from([0, basic.class, 0, basic.publish, 0, 0]);

function writePublish(writer: ByteWriter, { exchange, routingKey, mandatory }: OutgoingMessage): void {
  writer.add(publishStart);
  writer.shortText(exchange, 'name of the exchange');
  writer.shortText(routingKey, 'routing key');
  writer.octet(mandatory ? 1 : 0);
}

/** Writes the start of a frame (AMQP 0-9-1, 4.2.3) and returns its position. */
function beginFrame(writer: ByteWriter, type: number, channel: number): number {
  const start = writer.reserve(overhead.before);
  writer.buffer.writeUInt8(type, start);
  writer.buffer.writeUInt16BE(channel, start + 1);
  return start;
}

function endFrame(writer: ByteWriter, start: number): void {
  writer.buffer.writeUInt32BE(writer.length - start - overhead.before, start + 3);
  writer.octet(frameEnd);
}
