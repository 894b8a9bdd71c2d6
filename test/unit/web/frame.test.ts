import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Frame, FrameError, FrameReader, frameBytes, headerOf } from '../../../src/web/frame.ts';

const read = (text: string, bodyBytes = 1000) => new FrameReader({ bodyBytes }).push(Buffer.from(text));
const [only] = [(frames: Frame[]) => frames[0] as Frame];

test('parses the frames that it wrote, with any character in all parts', () => {
  const headers = { destination: '/exchange/a:b/c', 'a:b\n\\c': 'one\r\ntwo\\n:three', empty: '' };
  const body = Buffer.from([0, 1, 255, 10]);
  const frame = only(new FrameReader({ bodyBytes: 4 }).push(frameBytes('MESSAGE', headers, body)));
  assert.is(frame.command, 'MESSAGE');
  for (const [name, value] of Object.entries(headers)) assert.is(headerOf(frame, name), value);
  assert.equal(frame.body, body);
});

test('assembles frames from any chunks, with heart-beats between them', () => {
  const bytes = Buffer.from(
    '\n\nSEND\ndestination:/a\n\none\0\n\r\nSEND\r\ndestination:/b\r\ncontent-length:3\r\n\r\nt\0o\0\n',
  );
  for (const size of [1, 2, 7, 1000]) {
    const reader = new FrameReader({ bodyBytes: 10 });
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)));
    assert.equal(
      frames.map((frame) => [headerOf(frame, 'destination'), frame.body.toString()]),
      [
        ['/a', 'one'],
        ['/b', 't\0o'],
      ],
    );
  }
});

test('uses the first of two headers with one name', () => {
  assert.is(headerOf(only(read('SEND\na:1\na:2\n\n\0')), 'a'), '1');
});

test('does not escape CONNECT', () => {
  assert.is(headerOf(only(read('CONNECT\nlogin:a\\cb\n\n\0')), 'login'), 'a\\cb');
  assert.ok(frameBytes('CONNECT', { login: 'a:b' }).toString().includes('login:a:b\n'));
});

test('a line break in a header of CONNECT adds no header', () => {
  assert.ok(!frameBytes('CONNECT', { login: 'a\nhost:evil' }).toString().includes('\nhost:'));
});

for (const [what, text] of [
  ['an invalid command', 'GET / HTTP/1.1\nHost: x\n\n\0'],
  ['an unknown escape', 'SEND\na:\\t\n\n\0'],
  ['a header without a value', 'SEND\nabc\n\n\0'],
  ['a header without a name', 'SEND\n:abc\n\n\0'],
  ['a content-length that is not a number', 'SEND\ncontent-length:-1\n\n\0'],
  ['a content-length that does not fit', 'SEND\ncontent-length:2\n\nabc\0'],
  ['a content-length over the limit', 'SEND\ncontent-length:1001\n\n'],
  ['a body over the limit without content-length', `SEND\n\n${'x'.repeat(1001)}`],
  ['headers without an end', `SEND\na:${'x'.repeat(70_000)}`],
  ['too many headers', `SEND\n${'a:b\n'.repeat(300)}\n\0`],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => read(text),
      (error: unknown) => error instanceof FrameError,
    );
  });
}

test.run();
