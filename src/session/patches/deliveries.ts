// Reads a whole delivery at once: method, content header, and a body of at most one frame. amqplib needs several objects
// for each frame, which costs more than an empty handler. Everything unusual is left to amqplib: another method, a frame
// that has not arrived completely, a body of several frames, a channel or connection that is closing.

import { Channel } from '../../../node_modules/amqplib/lib/channel.js';
import type { Connection } from '../../../node_modules/amqplib/lib/connection.js';
import { textAt } from '../byte-text.ts';
import { readProperties } from '../codec/content-header.ts';
import type { RawMessage } from '../raw-message.ts';

/** AMQP 0-9-1, 4.2.3: type, channel and size come before the payload, and one octet follows it. */
const overhead = { before: 7, after: 1 };
const frameType = { method: 1, header: 2, body: 3 };
const frameEnd = 0xce;
const basic = { class: 60, deliver: 60 };
export const deliverId = basic.class * 2 ** 16 + basic.deliver;
/** Class, weight and body size of a content header (AMQP 0-9-1, 4.2.6.1). */
const headerStart = 12;

/** State of a channel of amqplib that expects no content frames. */
const { accept, handleMessage: betweenMessages } = new Channel(undefined);

const nothing = Buffer.alloc(0);

/**
 * Dispatches the delivery that starts at `connection.restAt`, and moves `restAt` behind it. Returns `false` if there is
 * no delivery, or if amqplib must read it.
 */
export function dispatchDelivery(connection: Connection): boolean {
  const { rest, restAt: start, maxFrameSize } = connection;
  const method = start + overhead.before;
  const header = frameAfter(rest, start, frameType.method, maxFrameSize);
  if (header === 0 || rest.readUInt32BE(method) !== deliverId) return false;
  const body = frameAfter(rest, header, frameType.header, maxFrameSize);
  if (body === 0) return false;
  const content = header + overhead.before;
  const number = rest.readUInt16BE(start + 1);
  if (rest.readUInt16BE(header + 1) !== number || rest.readUInt16BE(content) !== basic.class) return false;
  const size = rest.readUInt32BE(content + 8);
  if (rest.readUInt32BE(content + 4) !== 0) return false;
  let end = body;
  if (size > 0) {
    end = frameAfter(rest, body, frameType.body, maxFrameSize);
    if (end !== body + overhead.before + size + overhead.after || rest.readUInt16BE(body + 1) !== number) return false;
  }
  const channel = connection.accept === connection.openAccept ? connection.channels[number]?.channel : undefined;
  if (channel?.accept !== accept || channel.handleMessage !== betweenMessages) return false;
  const fields = deliveryFields(rest, method + 4, header - overhead.after);
  if (!fields) return false;
  const message = {
    fields,
    properties: readProperties(rest, content + headerStart, body - overhead.after),
    content: size === 0 ? nothing : rest.subarray(body + overhead.before, end - overhead.after),
  };
  connection.restAt = end;
  dispatch(channel, message);
  return true;
}

/** Returns the position after a complete frame of this type, otherwise 0. */
function frameAfter(bytes: Buffer, at: number, type: number, maxFrameSize: number): number {
  if (at + overhead.before > bytes.length || bytes[at] !== type) return 0;
  const size = bytes.readUInt32BE(at + 3);
  const end = at + overhead.before + size + overhead.after;
  if (end > bytes.length || bytes[end - 1] !== frameEnd || (maxFrameSize > 0 && size > maxFrameSize)) return 0;
  return end;
}

/**
 * Reads the arguments of basic.deliver (AMQP 0-9-1, 1.8.3.13) from `start` to `end`. Returns `undefined` if they are too
 * short.
 */
export function deliveryFields(bytes: Buffer, start: number, end: number): RawMessage['fields'] | undefined {
  if (start >= end) return undefined;
  const tag = start + 1 + bytes.readUInt8(start);
  const exchange = tag + 9;
  if (exchange >= end) return undefined;
  const key = exchange + 1 + bytes.readUInt8(exchange);
  if (key >= end) return undefined;
  const keyEnd = key + 1 + bytes.readUInt8(key);
  if (keyEnd > end) return undefined;
  return {
    consumerTag: consumerTags.read(bytes, start + 1, tag),
    deliveryTag: bytes.readUInt32BE(tag) * 2 ** 32 + bytes.readUInt32BE(tag + 4),
    redelivered: (bytes.readUInt8(tag + 8) & 1) === 1,
    exchange: exchanges.read(bytes, exchange + 1, key),
    routingKey: routingKeys.read(bytes, key + 1, keyEnd),
  };
}

/** Reads a text that most deliveries of a consumer share. It decodes the bytes only if they differ from the last ones. */
class SharedText {
  #last = '';

  read(bytes: Buffer, start: number, end: number): string {
    if (!this.#isLast(bytes, start, end)) this.#last = textAt(bytes, start, end);
    return this.#last;
  }

  /** Returns `false` also for a text that is not ASCII. */
  #isLast(bytes: Buffer, start: number, end: number): boolean {
    const last = this.#last;
    if (last.length !== end - start) return false;
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] ?? 0x80;
      if (byte > 0x7f || byte !== last.charCodeAt(at - start)) return false;
    }
    return true;
  }
}

const consumerTags = new SharedText();
const exchanges = new SharedText();
const routingKeys = new SharedText();

/** An error of a consumer closes its channel, as amqplib does in `acceptMessageFrame`. */
function dispatch(channel: Channel, message: RawMessage): void {
  try {
    channel.emit('delivery', message);
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    channel.closeWithError(deliverId, 'Error while processing message', 541, cause);
  }
}
