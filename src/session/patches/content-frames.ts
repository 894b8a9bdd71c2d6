// Replaces amqplib's codec for content headers. amqplib 2.3.1 changes messages (lib/codec.js, lib/defs.js): it does not
// preserve integers over 2^53, bytes that are not UTF-8, or the types of numbers. It refuses tables over 64 KiB
// (SCRATCH, defs.js). Tables that are nested about 5,000 levels deep overflow its stack, which closes the connection.

// These imports use paths, because the package's `exports` do not name the files.
import { Connection, type Frame } from '../../../node_modules/amqplib/lib/connection.js';
import { decodeFrame, type ParsedFrame, parseFrame } from '../../../node_modules/amqplib/lib/frame.js';
import { ByteReader } from '../codec/byte-reader.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { readProperties, writeProperties } from '../codec/content-header.ts';
import type { Properties } from '../raw-message.ts';
import { deliverId, deliveryFields, dispatchDelivery } from './deliveries.ts';

const frameType = { method: 1, header: 2, body: 3 };
const frameEnd = 0xce;
const basic = { class: 60, publish: 40 };

/** Symbol under which amqplib's `headers` option contains all properties of a published message. */
const own: unique symbol = Symbol('own properties');

interface OwnProperties extends Record<string, unknown> {
  [own]?: Properties;
}

/** Returns the `headers` option of a publish whose properties mq's codec writes. */
export function ownProperties(properties: Properties): OwnProperties {
  return { [own]: properties };
}

Object.assign(Connection.prototype, { restAt: 0, openAccept: undefined });

const acceptLoop = Connection.prototype.acceptLoop;
Connection.prototype.acceptLoop = function () {
  this.openAccept = this.accept;
  acceptLoop.call(this);
};

Connection.prototype.recvFrame = function () {
  for (;;) {
    if (dispatchDelivery(this)) continue;
    if (this.restAt > 0) {
      this.rest = this.rest.subarray(this.restAt);
      this.restAt = 0;
    }
    const frame = parseFrame(this.rest, this.maxFrameSize);
    if (frame) {
      this.rest = frame.rest;
      return decoded(frame);
    }
    const incoming: Buffer | null = this.stream.read();
    if (incoming === null) return false;
    this.recvSinceLastCheck = true;
    this.rest = this.rest.length === 0 ? incoming : Buffer.concat([this.rest, incoming]);
  }
};

function decoded(frame: ParsedFrame): Frame {
  const { type, channel, payload } = frame;
  if (type === frameType.header && payload.length >= 14 && payload.readUInt16BE(0) === basic.class) {
    const size = payload.readUInt32BE(4) * 2 ** 32 + payload.readUInt32BE(8);
    return { id: basic.class, channel, size, fields: readProperties(payload, 12) };
  }
  // A delivery has the same fields however its bytes arrive.
  if (type === frameType.method && payload.length >= 4 && payload.readUInt32BE(0) === deliverId) {
    const fields = deliveryFields(payload, 4, payload.length);
    if (fields) return { id: deliverId, channel, fields };
  }
  const read = decodeFrame(frame);
  const { routingKey } = read.fields ?? {};
  // amqplib replaces bytes of a routing key that are not UTF-8 with U+FFFD.
  if (typeof routingKey !== 'string' || !routingKey.includes('\ufffd')) return read;
  return { ...read, fields: { ...read.fields, routingKey: routingKeyOf(payload) ?? routingKey } };
}

/** Reads the routing key of basic.return or basic.get-ok. Returns `undefined` for another method. */
function routingKeyOf(payload: Buffer): string | undefined {
  const reader = new ByteReader(payload.subarray(4));
  const method = payload.readUInt16BE(2);
  if (method === 71) reader.skip(9);
  else if (method === 50) reader.skip(2 + reader.bytes.readUInt8(2) + 1);
  else return undefined;
  reader.shortText();
  return reader.shortText();
}

/** Buffer for the frames of one message. */
const scratch = new ByteWriter();

/** A body up to this size is written together with its frames. */
const smallBody = 2048;

const sendMessage = Connection.prototype.sendMessage;
Connection.prototype.sendMessage = function (channel, method, fields, id, properties, content) {
  // amqplib copies the headers with the given object as prototype (api_args.js), so the symbol is still readable.
  const headers: { [own]?: Properties } | undefined = properties.headers;
  const wanted = headers?.[own];
  if (!wanted) return sendMessage.call(this, channel, method, fields, id, properties, content);
  const { length } = content;
  scratch.clear();
  const writer = scratch;
  writeFrame(writer, { type: frameType.method, channel }, () => writePublish(writer, fields));
  writeFrame(writer, { type: frameType.header, channel }, () => {
    writer.add(headerStart);
    const at = writer.reserve(8);
    writer.buffer.writeUInt32BE(Math.floor(length / 2 ** 32), at);
    writer.buffer.writeUInt32BE(length % 2 ** 32, at + 4);
    writeProperties(writer, wanted);
    const [bytes, most] = [writer.length - at + 4, this.frameMax - 8];
    if (this.frameMax > 0 && bytes > most) {
      throw new RangeError(`its properties have ${bytes} bytes; the broker's frame_max allows ${most}`);
    }
  });
  const isSmall = length > 0 && length < smallBody;
  if (isSmall) writeFrame(writer, { type: frameType.body, channel }, () => writer.add(content));
  this.sentSinceLastCheck = true;
  const isFlowing = this.channels[channel]?.buffer.write(writer.copy()) ?? false;
  return isSmall || length === 0 ? isFlowing : this.sendContent(channel, content);
};

/** Class and weight of a content header (AMQP 0-9-1, 4.2.6.1). */
const headerStart = Buffer.from([0, basic.class, 0, 0]);
/** Class, method and reserved ticket of basic.publish (AMQP 0-9-1, 1.8.3.7). */
const publishStart = Buffer.from([0, basic.class, 0, basic.publish, 0, 0]);

function writePublish(
  writer: ByteWriter,
  { exchange, routingKey, mandatory }: Readonly<Record<string, unknown>>,
): void {
  writer.add(publishStart);
  writer.shortText(String(exchange), 'name of the exchange');
  writer.shortText(String(routingKey), 'routing key');
  writer.octet(mandatory === true ? 1 : 0);
}

/** Writes a frame (AMQP 0-9-1, 4.2.3). */
function writeFrame(
  writer: ByteWriter,
  { type, channel }: { type: number; channel: number },
  payload: () => void,
): void {
  writer.octet(type);
  writer.short(channel);
  writer.sized(payload);
  writer.octet(frameEnd);
}
