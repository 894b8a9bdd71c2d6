// Sends messages that no client would encode: the properties are bytes, framed here and sent on a channel of amqplib.

import { type ChannelModel, connect } from 'amqplib';

/** Encoded properties of a message (AMQP 0-9-1, 4.2.6.1). `headers` is the content of the table. */
export interface RawProperties {
  readonly contentType?: Buffer;
  readonly headers?: Buffer;
  readonly correlationId?: Buffer;
  readonly replyTo?: Buffer;
  readonly messageId?: Buffer;
  readonly timestamp?: bigint;
  readonly type?: Buffer;
}

export interface RawSender {
  /** Returns false if the broker closed the connection or the channel because of the message. */
  send(queue: string, body: string | Buffer, properties: RawProperties): Promise<boolean>;
  close(): Promise<void>;
}

export async function rawSender(url: string): Promise<RawSender> {
  let connection: ChannelModel | undefined;
  return {
    send: async (queue, body, properties) => {
      const mine = connection ?? (await connect(url));
      if (!connection) {
        mine.on('error', () => {});
        mine.once('close', () => {
          connection = undefined;
        });
      }
      connection = mine;
      try {
        const channel = await mine.createChannel();
        channel.on('error', () => {});
        const { ch, connection: wire } = channel as unknown as {
          ch: number;
          connection: { sendBytes(b: Buffer): void };
        };
        wire.sendBytes(Buffer.concat(publishFrames(ch, queue, Buffer.from(body as string), properties)));
        await channel.checkQueue(queue); // its answer follows the earlier frames
        await channel.close();
        return true;
      } catch {
        return false;
      }
    },
    close: async () => {
      await connection?.close().catch(() => {});
    },
  };
}

/** Encodes one entry of a table: name, type, value. */
export function entry(name: string | Buffer, type: string, value: Buffer): Buffer {
  return Buffer.concat([shortstr(Buffer.from(name as string)), Buffer.from(type, 'latin1'), value]);
}

export function longstr(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint(bytes.length, 4), bytes]);
}

export function uint(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

export function long(value: number): Buffer {
  return Buffer.concat([uint(0, 2), uint(value, 6)]);
}

/** Encodes nested tables. */
export function nested(depth: number, type: 'F' | 'A'): Buffer {
  // The levels are written into one buffer, because concatenating each level needs quadratic time.
  const perLevel = type === 'F' ? 6 : 5;
  const bytes = Buffer.alloc(depth * perLevel);
  for (let level = 0; level < depth; level += 1) {
    let at = level * perLevel;
    if (type === 'F') at += 1; // an empty name
    bytes.write(type, at, 'latin1');
    bytes.writeUInt32BE((depth - level - 1) * perLevel, at + 1);
  }
  return type === 'F' ? bytes : Buffer.concat([Buffer.from([0]), bytes]);
}

export function shortstr(bytes: Buffer): Buffer {
  return Buffer.concat([uint(bytes.length, 1), bytes]);
}

function publishFrames(channel: number, queue: string, body: Buffer, properties: RawProperties): Buffer[] {
  const method = Buffer.concat([
    uint(60, 2),
    uint(40, 2),
    uint(0, 2),
    shortstr(Buffer.alloc(0)),
    shortstr(Buffer.from(queue)),
    uint(0, 1),
  ]);
  const frames = [frame(1, channel, method)];
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(body.length));
  frames.push(frame(2, channel, Buffer.concat([uint(60, 2), uint(0, 2), size, propertyBytes(properties)])));
  for (let at = 0; at < body.length; at += 100_000) frames.push(frame(3, channel, body.subarray(at, at + 100_000)));
  return frames;
}

function propertyBytes({
  contentType,
  headers,
  correlationId,
  replyTo,
  messageId,
  timestamp,
  type,
}: RawProperties): Buffer {
  const time = timestamp === undefined ? undefined : Buffer.alloc(8);
  time?.writeBigUInt64BE(timestamp ?? 0n);
  const short = (bytes: Buffer | undefined) => bytes && shortstr(bytes);
  const fields: readonly (readonly [bit: number, bytes: Buffer | undefined])[] = [
    [15, short(contentType)],
    [13, headers && longstr(headers)],
    [12, uint(2, 1)],
    [10, short(correlationId)],
    [9, short(replyTo)],
    [7, short(messageId)],
    [6, time],
    [5, short(type)],
  ];
  const given = fields.filter((field): field is [number, Buffer] => field[1] !== undefined);
  const flags = given.reduce((sum, [bit]) => sum | (1 << bit), 0);
  return Buffer.concat([uint(flags, 2), ...given.map(([, bytes]) => bytes)]);
}

/** Encodes a frame (AMQP 0-9-1, 4.2.3). */
function frame(type: number, channel: number, payload: Buffer): Buffer {
  return Buffer.concat([uint(type, 1), uint(channel, 2), uint(payload.length, 4), payload, Buffer.from([0xce])]);
}

/** Removes one message from a queue. Returns its properties as bytes, or `undefined` if the queue is empty. */
export async function rawReceived(url: string, queue: string): Promise<Buffer | undefined> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    const { stream } = (channel as unknown as { connection: { stream: { read(): Buffer | null } } }).connection;
    const chunks: Buffer[] = [];
    const read = stream.read.bind(stream);
    stream.read = () => {
      const chunk = read();
      if (chunk) chunks.push(chunk);
      return chunk;
    };
    if (!(await channel.get(queue, { noAck: true }))) return undefined;
    return headerPayload(Buffer.concat(chunks))?.subarray(12);
  } finally {
    await connection.close();
  }
}

/** Returns the payload of the first content header (AMQP 0-9-1, 4.2.6.1) in complete frames. */
function headerPayload(bytes: Buffer): Buffer | undefined {
  for (let at = 0; at + 8 <= bytes.length; at += bytes.readUInt32BE(at + 3) + 8) {
    if (bytes[at] === 2) return bytes.subarray(at + 7, at + 7 + bytes.readUInt32BE(at + 3));
  }
  return undefined;
}
