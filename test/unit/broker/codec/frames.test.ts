import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FrameParser } from '../../../../src/broker/codec/frames.ts';
import { ProtocolError } from '../../../../src/broker/protocol-error.ts';

const frames: [type: number, channel: number, payload: string][] = [
  [1, 0, 'method'],
  [8, 0, ''],
  [2, 513, 'header'],
  [3, 65_535, 'a body that is longer than the others, so that it can be split in more places'],
  [3, 1, 'x'.repeat(3000)],
];
const stream = Buffer.concat(frames.map(([type, channel, payload]) => frame(type, channel, Buffer.from(payload))));

test('parses the same frames from a stream that is split at any byte', () => {
  for (let cut = 0; cut <= stream.length; cut++) {
    assert.equal(parsed([stream.subarray(0, cut), stream.subarray(cut)]), frames, `cut at ${cut}`);
  }
});

test('parses the same frames from single bytes', () => {
  assert.equal(parsed(Array.from(stream, (octet) => Buffer.from([octet]))), frames);
});

test('parses the same frames from chunks of any length', () => {
  for (let length = 1; length < 200; length += 7) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < stream.length; at += length) chunks.push(stream.subarray(at, at + length));
    assert.equal(parsed(chunks), frames);
  }
});

test('passes on a large body frame in pieces, the last with the end marker', () => {
  const body = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index));
  const bytes = Buffer.concat([frame(1, 7, Buffer.from('a')), frame(3, 7, body), frame(8, 0, Buffer.alloc(0))]);
  for (const length of [1, 6, 7, 4095, 9000, 19_999, 20_000, 20_014, 20_015, 20_016, 20_017, 20_018, 20_024]) {
    const pieces: Buffer[] = [];
    const types: number[] = [];
    let received = 0;
    const parser = new FrameParser(131_072, (type, channel, buffer, start, end) => {
      if (types.at(-1) !== type) types.push(type);
      if (type !== 3) return;
      assert.is(channel, 7);
      received += end - start;
      pieces.push(Buffer.from(buffer.subarray(start, end)));
    });
    const marker = bytes.length - 9;
    for (let at = 0; at < bytes.length; at += length) {
      parser.push(bytes.subarray(at, at + length));
      if (at + length <= marker) assert.ok(received < body.length, `chunks of ${length}`);
    }
    assert.ok(Buffer.concat(pieces).equals(body), `chunks of ${length}`);
    assert.equal(types, [1, 3, 8]);
  }
});

test('continues a large body frame after a pause within it', () => {
  const body = Buffer.from(Array.from({ length: 30_000 }, (_, index) => index));
  const bytes = frame(3, 7, body);
  const pieces: Buffer[] = [];
  const parser: FrameParser = new FrameParser(131_072, (_type, _channel, buffer, start, end) => {
    pieces.push(buffer.subarray(start, end));
    parser.pause();
  });
  for (let at = 0; at < bytes.length; at += 10_001) parser.push(bytes.subarray(at, at + 10_001));
  assert.is(pieces.length, 1);
  while (Buffer.concat(pieces).length < body.length) parser.resume();
  assert.ok(Buffer.concat(pieces).equals(body));
});

test('refuses a large body frame without the end marker, before its last byte', () => {
  const broken = frame(3, 1, Buffer.alloc(20_000, 'x'));
  broken[broken.length - 1] = 0;
  let length = 0;
  const parser = new FrameParser(131_072, (_type, _channel, _buffer, start, end) => {
    length += end - start;
  });
  parser.push(broken.subarray(0, 15_000));
  assert.throws(() => parser.push(broken.subarray(15_000)), isFrameError);
  assert.ok(length < 20_000);
});

test('refuses a frame that is too large, before its payload arrives', () => {
  const head = Buffer.from([3, 0, 1, 0xff, 0xff, 0xff, 0xff]);
  assert.throws(() => parsed([head]), /frame_too_large,4294967295,4088/);
  assert.throws(() => parsed([head.subarray(0, 3), head.subarray(3)]), isFrameError);
});

test('accepts a frame of exactly frame-max, and refuses a larger one', () => {
  assert.is(parsed([frame(3, 1, Buffer.alloc(4088))]).length, 1);
  assert.throws(() => parsed([frame(3, 1, Buffer.alloc(4089))]), isFrameError);
});

test('refuses a frame without the end marker', () => {
  const broken = frame(1, 0, Buffer.from('abc'));
  broken[broken.length - 1] = 0;
  assert.throws(() => parsed([broken]), isFrameError);
});

test('does not call back after stop', () => {
  const seen: number[] = [];
  const parser: FrameParser = new FrameParser(4096, (type) => {
    seen.push(type);
    parser.stop();
  });
  parser.push(stream);
  parser.push(stream);
  assert.equal(seen, [1]);
});

function parsed(chunks: readonly Buffer[]): typeof frames {
  const seen: typeof frames = [];
  const parser = new FrameParser(4096, (type, channel, buffer, start, end) => {
    seen.push([type, channel, buffer.toString('latin1', start, end)]);
  });
  for (const chunk of chunks) parser.push(chunk);
  return seen;
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7);
  head[0] = type;
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

function isFrameError(error: unknown): boolean {
  return error instanceof ProtocolError && error.replyCode === 501 && error.scope === 'connection';
}

test.run();
