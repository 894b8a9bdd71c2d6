import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Connection } from '../../../../node_modules/amqplib/lib/connection.js';
import '../../../../src/session/patches/content-frames.ts';
import { content } from '../../../robustness/frames.ts';
import { nested, uint } from '../../../support/raw-message.ts';

/** Returns the frames that amqplib reads from the bytes. The last one is `false`. */
function read(bytes: Buffer): unknown[] {
  const reader = { rest: Buffer.alloc(0), maxFrameSize: 0, recvFrame: Connection.prototype.recvFrame };
  const chunks = [bytes];
  const connection = Object.assign(reader, { stream: { read: () => chunks.shift() ?? null } }) as unknown as Connection;
  const frames: unknown[] = [];
  for (;;) {
    const frame = connection.recvFrame();
    frames.push(frame);
    if (!frame) return frames;
  }
}

/** Returns a content header whose headers are the given table content, followed by a correlation id. */
function header(table: Buffer, tableSize = table.length): Buffer {
  const payload = Buffer.concat([
    Buffer.from('003c00000000000000000005f400', 'hex'), // content type, content encoding, headers, delivery mode, id
    Buffer.from('\x0atext/plain\x04gzip', 'latin1'),
    uint(tableSize, 4),
    table,
    Buffer.from('\x02\x03id7', 'latin1'),
  ]);
  return Buffer.concat([Buffer.from([2, 0, 1]), uint(payload.length, 4), payload, Buffer.from([0xce])]);
}

for (const [title, table, headers] of [
  ['tables 15,000 deep', nested(15_000, 'F'), { '': { '!': 'unreadable' } }],
  ['lists 20,000 deep', nested(20_000, 'A'), { '': { '!': 'unreadable' } }],
  ['a type that does not exist', Buffer.from('\x01a?', 'latin1'), {}],
  ['a truncated table', Buffer.from('\x01aI\x00', 'latin1'), {}],
] as const) {
  test(`delivers a message with ${title} without those headers`, () => {
    const [bad, good, end] = read(Buffer.concat([header(table), ...content(1, Buffer.from('x'), { type: 'next' })]));
    const { unreadable, ...fields } = (bad as { fields: Record<string, unknown> }).fields;
    assert.match(String(unreadable), /^its headers cannot be read: /);
    assert.equal(JSON.parse(JSON.stringify({ ...(bad as object), fields })), {
      ...{ id: 60, channel: 1, size: 5 },
      fields: { contentType: 'text/plain', contentEncoding: 'gzip', headers, deliveryMode: 2, correlationId: 'id7' },
    });
    assert.is((good as { fields: { type: string } }).fields.type, 'next');
    assert.ok(end);
  });
}

test('refuses a table that is longer than its frame, as amqplib does', () => {
  assert.throws(() => read(header(nested(15_000, 'F'), 200_000)));
});

test('refuses bytes that are not a frame, as amqplib does', () => {
  assert.throws(() => read(Buffer.from('020001000000010000', 'hex')), /Invalid frame/);
});

test.run();
