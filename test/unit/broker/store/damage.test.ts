import { copyFileSync, mkdirSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemDisk } from '../../../../src/broker/store/disk.ts';
import { RecordEncoder } from '../../../../src/broker/store/record.ts';
import { newSegment, segmentHeader } from '../../../../src/broker/store/segment.ts';
import { MqError } from '../../../../src/errors.ts';
import { until } from '../../../support/until.ts';
import { bytesOf, committed, enqueue, open, recoveredIn, segments, shown, withFolder } from './folder.ts';

test('opens a log that ends at any byte, logs the loss, and continues', () =>
  withFolder(async (folder) => {
    const path = join(folder, '0000000001.log');
    let store = await open(folder);
    enqueue(store, 'one', 'a');
    await committed(store);
    const whole = bytesOf(path).length;
    store.define({ kind: 'queue', key: 'a', value: {} });
    enqueue(store, 'two', 'a', 'b');
    await store.close();
    const bytes = bytesOf(path);
    const shownAt: Record<number, string> = {};
    let silent = 0;
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      const lines: string[] = [];
      store = await open(folder, { log: (line) => lines.push(line) });
      const found = shown(store.recovered).join();
      shownAt[length] = found;
      enqueue(store, 'three', 'a');
      await store.close();
      assert.is(shown(await recoveredIn(folder)).join(), found === '' ? 'a: three' : `${found},a: three`);
      if (lines.length === 0) silent++;
    }
    // The log is complete after the header and after each of the five records: two batches, two messages, a definition.
    assert.is(silent, 6);
    assert.is(shownAt[whole], 'a: one');
    assert.is(shownAt[whole - 1], '');
    assert.is(shownAt[bytes.length - 1], 'a: one');
    assert.is(shownAt[bytes.length], 'a: one,a: two,b: two');
  }));

test('truncates the log at a flipped byte of the last batch', () =>
  withFolder(async (folder) => {
    const path = join(folder, '0000000001.log');
    const store = await open(folder);
    enqueue(store, 'one', 'a');
    await committed(store);
    const whole = bytesOf(path).length;
    enqueue(store, 'two', 'a');
    await store.close();
    const bytes = bytesOf(path);
    for (let at = whole; at < bytes.length; at++) {
      writeFileSync(path, flipped(bytes, at));
      const lines: string[] = [];
      assert.equal(shown(await recoveredIn(folder, { log: (line) => lines.push(line) })), ['a: one']);
      assert.is(lines.length, 1);
    }
  }));

test('removes a last segment with a torn header', () =>
  withFolder(async (folder) => {
    const store = await open(folder, { segmentBytes: 100 });
    for (const body of ['one', 'two']) enqueue(store, body.repeat(50), 'a');
    await store.close();
    const [, last = ''] = segments(folder);
    const header = bytesOf(last).subarray(0, 24);
    writeFileSync(last, Buffer.concat([header.subarray(0, 15), Buffer.alloc(9)]));
    assert.equal(shown(await recoveredIn(folder)), [`a: ${'one'.repeat(50)}`]);
    assert.is(segments(folder).length, 1);
  }));

test('syncs the folder of a segment without a record', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    enqueue(store, 'one', 'a');
    await store.close();
    truncateSync(segments(folder)[0] ?? '', 24);
    const synced: string[] = [];
    const syncFolder = async (path: string) => void synced.push(path);
    await recoveredIn(folder, { disk: { ...systemDisk, syncFolder } });
    assert.ok(synced.includes(folder));
  }));

test('keeps the returns of a message that compaction has begun to write again', () =>
  withFolder(async (folder) => {
    const returns = { acquiredCount: 2, deliveryCount: 1, order: 1 };
    const message = { exchange: '', routingKey: 'a', content: Buffer.from('one'), propertiesLength: 0 };
    const queued = [{ queue: 'a', expiresAt: undefined }];
    writeSegment(folder, 1, (encoder) => encoder.message(1, message, queued));
    writeSegment(folder, 2, (encoder) => {
      encoder.returned('a', 1, returns);
      encoder.message(1, message, queued);
    });
    const store = await open(folder, { segmentBytes: 100 });
    await until('the first segment is deleted', () => !segments(folder)[0]?.endsWith('1.log'));
    await store.close();
    const { entries } = await recoveredIn(folder);
    assert.equal(
      entries.map((entry) => entry.returns),
      [returns],
    );
  }));

/** Writes a segment with one batch. */
function writeSegment(folder: string, number: number, encode: (encoder: RecordEncoder) => void): void {
  const segment = newSegment(folder, number);
  const encoder = new RecordEncoder();
  encoder.batch(segment.salt, number);
  encode(encoder);
  writeFileSync(segment.path, Buffer.concat([segmentHeader(segment), ...encoder.take()]));
}

test('truncates zeros at the end, which a file system may leave', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    enqueue(store, 'one', 'a');
    await store.close();
    const [path = ''] = segments(folder);
    writeFileSync(path, Buffer.concat([bytesOf(path), Buffer.alloc(5000)]));
    const next = await open(folder, { segmentBytes: 100 });
    assert.equal(shown(next.recovered), ['a: one']);
    // This adds a segment. The first segment can be read only if the zeros were truncated before.
    for (const body of ['two', 'three']) enqueue(next, body, 'a');
    await next.close();
    assert.is(segments(folder).length, 2);
    assert.equal(shown(await recoveredIn(folder)), ['a: one', 'a: two', 'a: three']);
  }));

test('reports damage before a committed batch with its offset and a fix', () =>
  withFolder(async (folder) => {
    const path = join(folder, '0000000001.log');
    const store = await open(folder);
    for (const body of ['one', 'two', 'three']) {
      enqueue(store, body, 'a');
      await committed(store);
    }
    await store.close();
    const bytes = bytesOf(path);
    const start = bytes.indexOf('two');
    writeFileSync(path, flipped(bytes, start));
    const error = await refusal(folder);
    assert.is(error.code, 'BAD_DATA');
    assert.is(error.at, path);
    const [, offset] = /at byte (\d+) of/.exec(error.message) ?? [];
    assert.match(error.hint ?? '', `truncate -s ${offset} '${path}'`);
    truncateSync(path, Number(offset));
    assert.equal(shown(await recoveredIn(folder)), ['a: one']);
  }));

test('refuses any flipped byte of an older segment', () =>
  withFolder(async (folder) => {
    const store = await open(folder, { segmentBytes: 100 });
    for (const body of ['one', 'two', 'three', 'four']) enqueue(store, body, 'a');
    await store.close();
    const [path = '', next] = segments(folder);
    assert.ok(next);
    const bytes = bytesOf(path);
    for (let at = 0; at < bytes.length; at++) {
      writeFileSync(path, flipped(bytes, at));
      const error = await refusal(folder);
      assert.is(error.code, 'BAD_DATA');
      assert.match(error.message, basename(path));
    }
    for (let length = 0; length < bytes.length; length += 7) {
      writeFileSync(path, bytes.subarray(0, length));
      const error = await refusal(folder).catch(() => undefined);
      // No error is reported if the cut is at the end of a record.
      if (error === undefined) assert.ok(shown(await recoveredIn(folder)).length > 0);
      else assert.is(error.code, 'BAD_DATA');
    }
  }));

test('refuses a missing segment and a renamed one', () =>
  withFolder(async (folder) => {
    const store = await open(folder, { segmentBytes: 100 });
    for (const body of ['one', 'two', 'three', 'four', 'five', 'six']) enqueue(store, body, 'a');
    await store.close();
    const [first = '', second = '', third = ''] = segments(folder);
    assert.ok(third);
    const kept = join(folder, 'kept');
    mkdirSync(kept);
    copyFileSync(second, join(kept, 'second'));
    unlinkSync(second);
    assert.match((await refusal(folder)).message, /0000000002\.log is missing/);
    copyFileSync(first, second);
    assert.is((await refusal(folder)).code, 'BAD_DATA');
    copyFileSync(join(kept, 'second'), second);
    rmSync(kept, { recursive: true });
    assert.is((await recoveredIn(folder)).entries.length, 6);
  }));

test('removes a last segment without a complete header', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    enqueue(store, 'one', 'a');
    await store.close();
    for (const bytes of [Buffer.alloc(0), Buffer.from('mqstore'), Buffer.alloc(24)]) {
      writeFileSync(join(folder, '0000000002.log'), bytes);
      assert.equal(shown(await recoveredIn(folder)), ['a: one']);
      assert.is(segments(folder).length, 1);
    }
  }));

test('an incomplete message may contain the log of another store', () =>
  withFolder(async (folder) => {
    const other = await open(join(folder, 'other'));
    for (const body of ['one', 'two']) {
      enqueue(other, body, 'a');
      await committed(other);
    }
    await other.close();
    const store = await open(folder);
    enqueue(store, 'one', 'a');
    await committed(store);
    enqueue(store, bytesOf(join(folder, 'other', '0000000001.log')), 'a');
    await store.close();
    const [path = ''] = segments(folder);
    truncateSync(path, bytesOf(path).length - 1);
    assert.equal(shown(await recoveredIn(folder)), ['a: one']);
  }));

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}

async function refusal(folder: string): Promise<MqError> {
  try {
    await recoveredIn(folder);
  } catch (error) {
    assert.instance(error, MqError);
    return error as MqError;
  }
  throw new Error('it opened');
}

test.run();
