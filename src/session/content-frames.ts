// amqplib 2.3.1 changes messages that pass through it (lib/codec.js, lib/defs.js): integers over 2^53, bytes that are not
// UTF-8 and the types of numbers do not survive; a table over 64 KiB is refused (SCRATCH, defs.js); and tables nested some
// 5,000 deep end its stack, which costs the connection. Content headers are therefore read and written by mq's own codec.

// By their paths: the package's `exports` do not name the files.
import { Connection, type Frame } from '../../node_modules/amqplib/lib/connection.js';
import { decodeFrame, type ParsedFrame, parseFrame } from '../../node_modules/amqplib/lib/frame.js';
import { readProperties } from './content-header.ts';
import { Reader, Writer } from './field-table.ts';

const frameType = { method: 1, header: 2 };
const frameEnd = 0xce;
const basic = { class: 60, publish: 40 };

/** Under this key the headers of a message that is published hold all its properties as bytes. */
const encoded: unique symbol = Symbol('encoded');

/** Returns the `headers` option of a publish that makes these properties (`writeProperties`) those of the message. */
export function encodedProperties(bytes: Buffer): Record<string, unknown> {
  return { [encoded]: bytes } as Record<string, unknown>;
}

Connection.prototype.recvFrame = function () {
  for (;;) {
    const frame = parseFrame(this.rest, this.maxFrameSize);
    if (frame) {
      this.rest = frame.rest;
      return decoded(frame);
    }
    const incoming = this.stream.read();
    if (incoming === null) return false;
    this.recvSinceLastCheck = true;
    this.rest = Buffer.concat([this.rest, incoming]);
  }
};

function decoded(frame: ParsedFrame): Frame {
  const { type, channel, payload } = frame;
  if (type === frameType.header && payload.length >= 14 && payload.readUInt16BE(0) === basic.class) {
    const size = Number(payload.readBigUInt64BE(4));
    const fields: object = readProperties(payload.subarray(12));
    return { id: basic.class, channel, size, fields: fields as Record<string, unknown> };
  }
  const read = decodeFrame(frame);
  const { routingKey } = read.fields ?? {};
  // amqplib: what is not UTF-8 in a routing key has become U+FFFD.
  if (typeof routingKey !== 'string' || !routingKey.includes('\ufffd')) return read;
  return { ...read, fields: { ...read.fields, routingKey: routingKeyOf(payload) ?? routingKey } };
}

/** Reads the routing key of basic.deliver, basic.return or basic.get-ok; undefined for another method. */
function routingKeyOf(payload: Buffer): string | undefined {
  const reader = new Reader(payload.subarray(4));
  const method = payload.readUInt16BE(2);
  if (method === 60) reader.shortText();
  if (method === 60 || method === 71) reader.skip(9);
  else if (method === 50) reader.skip(2 + reader.bytes.readUInt8(2) + 1);
  else return undefined;
  reader.shortText();
  return reader.shortText();
}

const sendMessage = Connection.prototype.sendMessage;
Connection.prototype.sendMessage = function (channel, method, fields, id, properties, content) {
  const bytes = (properties.headers as { [encoded]?: Buffer } | undefined)?.[encoded];
  if (!bytes) return sendMessage.call(this, channel, method, fields, id, properties, content);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(content.length));
  const header = Buffer.concat([Buffer.from([0, basic.class, 0, 0]), size, bytes]);
  const most = this.frameMax - 8;
  if (this.frameMax > 0 && header.length > most) {
    throw new RangeError(`its properties have ${header.length} bytes; a frame of the broker holds ${most}`);
  }
  const frames = [
    frameOf(frameType.method, channel, publishMethod(fields)),
    frameOf(frameType.header, channel, header),
  ];
  this.sentSinceLastCheck = true;
  const isFlowing = this.channels[channel]?.buffer.write(Buffer.concat(frames)) ?? false;
  return content.length === 0 ? isFlowing : this.sendContent(channel, content);
};

/** AMQP 0-9-1, 1.8.3.7. */
function publishMethod({ exchange, routingKey, mandatory }: Readonly<Record<string, unknown>>): Buffer {
  const writer = new Writer();
  writer.add(Buffer.from([0, basic.class, 0, basic.publish, 0, 0]));
  writer.shortText(String(exchange), 'name of the exchange');
  writer.shortText(String(routingKey), 'routing key');
  writer.octet(mandatory === true ? 1 : 0);
  return writer.done();
}

/** AMQP 0-9-1, 4.2.3. */
function frameOf(type: number, channel: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(payload.length + 8);
  frame.writeUInt8(type, 0);
  frame.writeUInt16BE(channel, 1);
  frame.writeUInt32BE(payload.length, 3);
  payload.copy(frame, 7);
  frame.writeUInt8(frameEnd, payload.length + 7);
  return frame;
}
