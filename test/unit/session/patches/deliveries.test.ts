// Compares the messages that mq reads directly with those that amqplib assembles from the same bytes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { acceptMessage, Channel } from '../../../../node_modules/amqplib/lib/channel.js';
import { Connection, type Frame } from '../../../../node_modules/amqplib/lib/connection.js';
import { decodeFrame, parseFrame } from '../../../../node_modules/amqplib/lib/frame.js';
import { readProperties } from '../../../../src/session/codec/content-header.ts';
import '../../../../src/session/patches/content-frames.ts';
import type { RawMessage } from '../../../../src/session/raw-message.ts';
import { content, frame, method } from '../../../robustness/frames.ts';
import { type Random, randomOf } from '../../../support/random.ts';

const maxFrameSize = 4096;
const heartbeat = frame(8, 0, Buffer.alloc(0));

/** Reads the next frame as amqplib does, but with mq's codec for properties. */
function recvFrameOfAmqplib(this: Connection): Frame | false {
  for (;;) {
    const parsed = parseFrame(this.rest, this.maxFrameSize);
    if (parsed) {
      this.rest = parsed.rest;
      const { type, channel, payload } = parsed;
      if (type !== 2 || payload.length < 14 || payload.readUInt16BE(0) !== 60) return decodeFrame(parsed);
      return { id: 60, channel, size: Number(payload.readBigUInt64BE(4)), fields: readProperties(payload, 12) };
    }
    const incoming: Buffer | null = this.stream.read();
    if (incoming === null) return false;
    this.rest = Buffer.concat([this.rest, incoming]);
  }
}

interface Reading {
  /** Everything that the channels report and send, in order. */
  readonly log: string[];
  /** Number of frames that amqplib had to handle. */
  readonly frames: number;
}

/**
 * Reads the chunks with three channels. A listener throws if a message has the type `throw`, closes its channel if it has
 * the type `close`, and closes the connection if it has the type `end`.
 */
function read(recvFrame: (this: Connection) => Frame | false, chunks: readonly Buffer[]): Reading {
  const log: string[] = [];
  const incoming: (Buffer | null)[] = chunks.flatMap((chunk) => [chunk, null]);
  const accept = (received: Frame) => {
    const { channel } = connection.channels[received.channel ?? 0] ?? {};
    if (channel) channel.accept(received);
    else log.push(`frame on unknown channel ${received.channel}`);
  };
  const connection = Object.assign(Object.create(Connection.prototype) as Connection, {
    ...{ rest: Buffer.alloc(0), maxFrameSize, accept, openAccept: accept, restAt: 0, recvFrame },
    stream: { read: () => incoming.shift() ?? null },
    sendMethod: (channel: number, id: number, { replyCode }: { replyCode?: number }) =>
      log.push(`${channel}: sends ${id} ${replyCode ?? ''}`),
    releaseChannel: (number: number) => Object.assign(connection.channels, { [number]: null }),
    channels: [{ channel: { accept: () => log.push('frame on channel 0') } }] as unknown as Connection['channels'],
  });
  for (const number of [1, 2, 3]) openChannel(connection, number, log);
  let frames = 0;
  try {
    while (incoming.length > 0) {
      for (let next = connection.recvFrame(); next; next = connection.recvFrame()) {
        frames += 1;
        connection.accept(next);
      }
    }
  } catch {
    log.push('frame error');
  }
  return { log, frames };
}

function openChannel(connection: Connection, number: number, log: string[]): void {
  const channel = Object.assign(new Channel(connection), { ch: number });
  Object.assign(connection.channels, { [number]: { channel, buffer: { write: () => true } } });
  const report = (event: string) => (message: RawMessage) => {
    log.push(`${number}: ${event} ${shown(message)}`);
    if (message.properties.type === 'throw') throw new Error('the listener failed');
    if (message.properties.type === 'close') channel.closeWithError(0, 'closed', 200, new Error('closed'));
    // A closing connection ignores all frames except connection.close-ok.
    if (message.properties.type === 'end') Object.assign(connection, { accept: () => log.push('ignored') });
  };
  for (const event of ['delivery', 'return']) channel.on(event, report(event));
  for (const event of ['error', 'close']) channel.on(event, () => log.push(`${number}: ${event}`));
  // amqplib sets `reply` to the function that handles the answer to basic.get.
  const answered = (_: unknown, { fields }: { fields: RawMessage['fields'] }) => {
    Object.assign(channel, { reply: answered });
    Object.assign(channel, { handleMessage: acceptMessage((message) => report('get')({ ...message, fields })) });
  };
  Object.assign(channel, { reply: answered });
}

/** Returns the message as text. amqplib lists absent properties as `undefined`. */
function shown({ fields, properties, content: body }: RawMessage): string {
  const sorted = Object.entries({ ...fields, ...properties }).filter(([, value]) => value !== undefined);
  return JSON.stringify([
    Object.fromEntries(sorted.sort(([one], [other]) => (one < other ? -1 : 1))),
    body.toString('hex'),
  ]);
}

/** Returns the frames of a message. */
function message(random: Random, channel: number, tag: number): Buffer[] {
  const size = random.pick([0, 0, 1, 5, 5, 60, 700]);
  const body = random.bytes(size);
  const { exchange, routingKey } = random.pick([
    { exchange: '', routingKey: 'jobs' },
    { exchange: 'jobs', routingKey: 'größe.ß' },
    { exchange: 'x'.repeat(255), routingKey: '' },
  ]);
  const consumerTag = random.pick(['c', 'amq.ctag-1']);
  const properties = {
    ...(random.chance(0.5) && { contentType: 'text/plain', deliveryMode: 2 }),
    ...(random.chance(0.3) && { headers: { a: 1, b: { c: 'text' }, d: [true, null] } }),
    ...(random.chance(0.3) && { messageId: `m${tag}`, timestamp: 1_700_000_000, priority: 3 }),
    ...(random.chance(0.02) && { type: random.pick(['throw', 'close', 'end']) }),
  };
  const start = random.pick([
    ...Array.from({ length: 8 }, () =>
      method(channel, 'basic.deliver', {
        ...{ consumerTag, deliveryTag: tag, redelivered: random.chance(0.5), exchange, routingKey },
      }),
    ),
    method(channel, 'basic.return', { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey }),
    method(channel, 'basic.get-ok', { deliveryTag: tag, exchange, routingKey, messageCount: 1 }),
  ]);
  const frames = [start, ...content(channel, body, properties, random.pick([20, 100, 4000]))];
  if (random.chance(0.1)) frames.splice(1 + random.below(frames.length), 0, frame(3, channel, Buffer.alloc(0)));
  if (random.chance(0.2)) frames.splice(random.below(frames.length), 0, heartbeat);
  if (random.chance(0.02)) frames.splice(random.below(frames.length), 1); // a frame is missing
  if (random.chance(0.02)) frames.push(method(channel, 'channel.close-ok'));
  return frames;
}

/** Returns frames of several channels in the order of a broker. The frames of two channels may alternate. */
function history(random: Random): Buffer[] {
  const queues = [1, 2, 3].map((channel) =>
    Array.from({ length: random.below(8) }, (_, index) => message(random, channel, index + 1)).flat(),
  );
  const frames: Buffer[] = [];
  while (queues.some((queue) => queue.length > 0)) {
    const queue = random.pick(queues);
    frames.push(...queue.splice(0, random.pick([1, 3, 20])));
  }
  return random.chance(0.3) ? damaged(random, frames) : frames;
}

/** Changes one frame in a way that makes it invalid. */
function damaged(random: Random, frames: Buffer[]): Buffer[] {
  const index = random.below(frames.length);
  const changed = Buffer.from(frames[index] ?? heartbeat);
  switch (random.below(5)) {
    case 0:
      changed[changed.length - 1] = 0; // the frame-end octet
      break;
    case 1:
      changed.writeUInt32BE(maxFrameSize + 1, 3);
      break;
    case 2:
      changed.writeUInt16BE(random.pick([0, 2, 9]), 1);
      break;
    case 3:
      changed[0] = random.pick([1, 2, 3, 8]);
      break;
    default:
      return frames.with(index, frame(changed[0] ?? 1, 1, changed.subarray(7, 7 + random.below(changed.length - 7))));
  }
  return frames.with(index, changed);
}

function cut(random: Random, bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  const longest = random.pick([3, 40, 400, 4000]);
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(longest));
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

test('reads the same messages as amqplib, wherever the bytes are cut', () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const random = randomOf(seed);
    const bytes = Buffer.concat(history(random));
    const expected = read(recvFrameOfAmqplib, [bytes]).log;
    assert.equal(read(Connection.prototype.recvFrame, [bytes]).log, expected, `seed ${seed}, uncut`);
    assert.equal(read(Connection.prototype.recvFrame, cut(random, bytes)).log, expected, `seed ${seed}, cut`);
  }
});

const delivery = (fields: object = {}, body = 'text') => [
  method(1, 'basic.deliver', { consumerTag: 'c', deliveryTag: 1, exchange: 'jobs', routingKey: 'key', ...fields }),
  ...content(1, Buffer.from(body), { messageId: 'one' }),
];

test('reads complete deliveries without frames of amqplib', () => {
  const bytes = Buffer.concat([...delivery(), ...delivery({}, ''), ...delivery()]);
  const { log, frames } = read(Connection.prototype.recvFrame, [bytes]);
  assert.equal([log.length, frames], [3, 0]);
});

test('leaves a delivery whose fields are longer than their frame to amqplib', () => {
  for (const lengthAt of [11, 22, 27]) {
    const [start = heartbeat, ...others] = delivery();
    const long = Buffer.from(start);
    long[lengthAt] = (long[lengthAt] ?? 0) + 20;
    const bytes = Buffer.concat([long, ...others, ...delivery()]);
    const { log } = read(recvFrameOfAmqplib, [bytes]);
    assert.equal(read(Connection.prototype.recvFrame, [bytes]).log, log, `length at ${lengthAt}`);
  }
});

test('reads names that are not UTF-8 alike, wherever the bytes are cut', () => {
  const [start = heartbeat, ...others] = delivery();
  const odd = Buffer.from(start.toString('latin1').replace('jobs', '\xff\xc3bs').replace('key', '\xfeey'), 'latin1');
  const bytes = Buffer.concat([odd, ...others]);
  const expected = read(Connection.prototype.recvFrame, [bytes]).log;
  assert.match(expected.join(), /udcff/);
  for (let at = 1; at < bytes.length; at += 1) {
    const { log } = read(Connection.prototype.recvFrame, [bytes.subarray(0, at), bytes.subarray(at)]);
    assert.equal(log, expected, `cut at ${at}`);
  }
});

test.run();
