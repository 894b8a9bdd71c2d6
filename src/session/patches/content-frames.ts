// Reads content headers with mq's codec. amqplib 2.3.1 changes messages (lib/codec.js, lib/defs.js): it does not preserve
// integers over 2^53, bytes that are not UTF-8, or the types of numbers. Tables that are nested about 5,000 levels deep
// overflow its stack, which closes the connection. outgoing-frames.ts writes messages.

// These imports use paths, because the package's `exports` do not name the files.
import { Connection, type Frame } from '../../../node_modules/amqplib/lib/connection.js';
import { decodeFrame, type ParsedFrame, parseFrame } from '../../../node_modules/amqplib/lib/frame.js';
import { ByteReader } from '../codec/byte-reader.ts';
import { readProperties } from '../codec/content-header.ts';
import { deliverId, deliveryFields, dispatchDelivery } from './deliveries.ts';

/** Types of frames (AMQP 0-9-1, 4.2.3). */
const frameType = { method: 1, header: 2 };
const basicClass = 60;

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
  if (type === frameType.header && payload.length >= 14 && payload.readUInt16BE(0) === basicClass) {
    const size = payload.readUInt32BE(4) * 2 ** 32 + payload.readUInt32BE(8);
    return { id: basicClass, channel, size, fields: readProperties(payload, 12) };
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
