// A message whose headers amqplib 2.3.1 cannot decode (tables nested some 5,000 deep end its stack, codec.js) costs the
// connection there, comes again on the next one, and so for ever. Here it arrives without its headers, and says why.

// By their paths: the package's `exports` do not name the files.
import { Connection } from '../../node_modules/amqplib/lib/connection.js';
import { decodeFrame, type ParsedFrame } from '../../node_modules/amqplib/lib/frame.js';

const recvFrame = Connection.prototype.recvFrame;
Connection.prototype.recvFrame = function () {
  const before = this.rest;
  try {
    return recvFrame.call(this);
  } catch (error) {
    // amqplib: the frame was taken out of `rest` before it was decoded; else it has no end that can be trusted.
    const frame = before.subarray(0, before.length - this.rest.length);
    const readable = frame.length > frameHead && withoutHeaders(frame);
    if (!readable) throw error;
    const decoded = decodeFrame(readable);
    const why = error instanceof Error ? error.message : String(error);
    return { ...decoded, fields: { ...decoded.fields, unreadable: `its headers cannot be read: ${why}` } };
  }
};

const frameHead = 7;
const contentHeader = 2;
/** Of the payload: class, weight, body size; the flags of the properties follow (AMQP 0-9-1, 4.2.6.1). */
const flagsAt = 12;
const flag = { contentType: 0x8000, contentEncoding: 0x4000, headers: 0x2000 };

/** The frame of a content header without the property `headers`; undefined if it is none, or has none. */
function withoutHeaders(frame: Buffer): ParsedFrame | undefined {
  const payload = frame.subarray(frameHead, -1);
  if (frame[0] !== contentHeader || payload.length < flagsAt + 2) return undefined;
  const flags = payload.readUInt16BE(flagsAt);
  if ((flags & flag.headers) === 0) return undefined;
  let start = flagsAt + 2;
  for (const before of [flag.contentType, flag.contentEncoding]) {
    if ((flags & before) !== 0) start += 1 + (payload[start] ?? 0);
  }
  if (start + 4 > payload.length) return undefined;
  const end = start + 4 + payload.readUInt32BE(start);
  if (end > payload.length) return undefined;
  const rest = Buffer.concat([payload.subarray(0, start), payload.subarray(end)]);
  rest.writeUInt16BE(flags & ~flag.headers, flagsAt);
  return { type: contentHeader, channel: frame.readUInt16BE(1), payload: rest };
}
