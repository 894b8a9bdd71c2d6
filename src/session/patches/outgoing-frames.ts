// Writes messages with mq's codec, and all messages of one turn together. amqplib 2.3.1 changes messages (lib/codec.js,
// lib/defs.js), as content-frames.ts describes, and refuses headers over 64 KiB (SCRATCH, defs.js). It also passes each
// message through two streams as a chunk of its own (connection.js, mux.js), which costs more than its encoding, and
// keeps a callback for each message in an array that it splices (channel.js: handleConfirm).

// This import uses a path, because the package's `exports` do not name the file.
import { type ChannelBuffer, Connection } from '../../../node_modules/amqplib/lib/connection.js';
import type { ConfirmChannel } from '../channel.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { type FrameChannel, smallBody, writeMessage } from '../codec/message-frames.ts';
import type { WritableMessage } from '../outgoing-message.ts';

/** Number of gathered bytes that are written before the end of the turn. */
const mostGathered = 64 * 1024;

/**
 * Publishes a message. The caller counts delivery tags and receives the confirms as the events `ack` and `nack`. Throws
 * IllegalOperationError if the channel is closed, and RangeError or TypeError if AMQP cannot represent the message; a
 * message that throws has no delivery tag.
 */
export function publishMessage(channel: ConfirmChannel, message: WritableMessage): void {
  channel.sendMessage(message, message, message.body);
}

/** Frames of one channel that are written at the end of the turn, or before anything else on this channel. */
class GatheredFrames {
  readonly writer = new ByteWriter();
  #connection: Connection | undefined;
  #channel: FrameChannel = { number: 0, frameMax: 0 };
  #buffer: ChannelBuffer | undefined;
  #isScheduled = false;

  /** Prepares the writer for frames of this channel. */
  channel(connection: Connection, number: number): FrameChannel {
    const buffer = connection.channels[number]?.buffer;
    if (buffer !== this.#buffer) {
      this.flush();
      this.#connection = connection;
      this.#channel = { number, frameMax: connection.frameMax };
      this.#buffer = buffer;
    }
    return this.#channel;
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
    if (this.#connection?.channels[this.#channel.number]?.buffer === this.#buffer) this.#buffer?.write(bytes);
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
  const { writer } = gathered;
  const frameChannel = gathered.channel(this, channel);
  const start = writer.length;
  try {
    writeMessage(writer, frameChannel, properties);
  } catch (error) {
    writer.truncate(start);
    throw error;
  }
  if (content.length < smallBody) return gathered.end();
  gathered.flush();
  return sendContent.call(this, channel, content);
};
