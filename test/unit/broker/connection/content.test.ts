// Tests the content of a publish without a connection.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { frameTypes } from '../../../../src/broker/codec/frames.ts';
import { Content } from '../../../../src/broker/connection/content.ts';
import { content as contentFrames } from '../../../robustness/frames.ts';

const body = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index * 7));

test('keeps the large slices of a large body, and copies the small ones', () => {
  const frame = Buffer.from(body);
  const { content, isComplete } = received(frame, [100, 60_000, 8000, 500, 8192]);
  assert.ok(isComplete);
  assert.ok(bodyOf(content).equals(body));
  assert.ok(content.more.some((slice) => slice.buffer === frame.buffer && slice.length === 60_000));
  assert.not(content.more.some((slice) => slice.buffer === frame.buffer && slice.length < 8192));
});

test('a body that arrives in small pieces does not depend on their buffers', () => {
  const frame = Buffer.from(body);
  const { content } = received(frame, [1459]);
  frame.fill(0);
  assert.ok(bodyOf(content).equals(body));
  assert.ok(content.more.length <= Math.ceil(body.length / 7000));
});

test('the slices of one message are not those of the next one', () => {
  const content = new Content();
  received(body, [100_000], content);
  const first = content.more;
  received(body.subarray(0, 5000), [5000], content);
  const small = content.more;
  received(body.subarray(1), [70_000], content);
  assert.ok(Buffer.concat(first).equals(body));
  assert.equal(small, []);
  received(body.subarray(0, 10), [10], content);
  assert.equal(content.more, []);
  assert.ok(bodyOf(content).equals(body.subarray(0, 10)));
});

test('keeps nothing after the message was published', () => {
  const { content } = received(body, [100_000]);
  content.release();
  assert.equal([content.bytes.length, content.more], [0, []]);
});

/** Receives a body in pieces of these lengths, which repeat. */
function received(bytes: Buffer, lengths: readonly number[], content = new Content()) {
  const [head] = contentFrames(1, bytes) as [Buffer];
  content.begin();
  content.receive(frameTypes.header, head, 7, head.length - 1);
  let isComplete = false;
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const end = Math.min(bytes.length, at + (lengths[index % lengths.length] ?? bytes.length));
    isComplete = content.receive(frameTypes.body, bytes, at, end);
    at = end;
  }
  return { content, isComplete };
}

function bodyOf({ bytes, more, propertiesLength }: Content): Buffer {
  return Buffer.concat([bytes.subarray(propertiesLength), ...more]);
}

test.run();
