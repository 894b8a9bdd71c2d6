// Makes the same random changes in a store with tiny segments and in plain maps, and compares what is recovered.

import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Returns, Store, StoreOptions } from '../../../../src/broker/store/contract.ts';
import { type Disk, systemDisk } from '../../../../src/broker/store/disk.ts';
import { LiveRecords } from '../../../../src/broker/store/live-records.ts';
import { neverReturned } from '../../../../src/broker/store/record.ts';
import { newSegment } from '../../../../src/broker/store/segment.ts';
import { type Random, randomOf } from '../../../support/random.ts';
import { until } from '../../../support/until.ts';
import { committed, enqueue, open, recoveredIn, segments, shown, withFolder } from './folder.ts';

const queues = ['a', 'b', 'c', 'd'];
const tiny: Partial<StoreOptions> = { segmentBytes: 2000, slackBytes: 4000 };

interface Held {
  readonly content: string;
  readonly expiresAt: number | undefined;
  returns: Returns;
}

/** The expected contents of the store: queue → id → message, and the definitions in order. */
interface Model {
  readonly entries: Map<string, Map<number, Held>>;
  readonly definitions: Map<string, number>;
}

for (const seed of [1, 2, 3, Math.floor(Math.random() * 2 ** 31)]) {
  test(`compaction keeps exactly the needed records (seed ${seed})`, () =>
    withFolder(async (folder) => {
      const random = randomOf(seed);
      const model: Model = { entries: new Map(queues.map((queue) => [queue, new Map()])), definitions: new Map() };
      const lines: string[] = [];
      const options = { ...tiny, log: (line: string) => lines.push(line) };
      let store = await open(folder, options);
      for (let step = 0; step < 2000; step++) {
        change(store, model, random);
        if (random.chance(0.02)) await committed(store);
        if (random.chance(0.005)) {
          await committed(store);
          const copy = join(folder, `copy-${step}`);
          mkdirSync(copy);
          // The newest segment is read first, because compaction appends to it before it deletes the oldest.
          for (const path of segments(folder)) copyIfThere(path, join(copy, basename(path)));
          assert.equal(asModel(await recoveredIn(copy, tiny)), plain(model));
        }
        if (random.chance(0.005)) {
          await store.close();
          store = await open(folder, options);
          assert.equal(asModel(store.recovered), plain(model));
        }
      }
      await store.close();
      assert.equal(asModel(await recoveredIn(folder, tiny)), plain(model));
      assert.equal(lines, []);
      const names = segments(folder).map((path) => Number(basename(path, '.log')));
      assert.ok((names[0] ?? 0) > 1, 'no segment was deleted');
    }));
}

test('frees space after the settlement of messages, without another change', () =>
  withFolder(async (folder) => {
    const store = await open(folder, tiny);
    store.define({ kind: 'queue', key: 'a', value: {} });
    const ids = Array.from({ length: 2000 }, (_, index) => enqueue(store, `message ${index}`, 'a'));
    await committed(store);
    const full = bytesIn(folder);
    for (const id of ids.slice(0, -1)) store.settle(id, 'a');
    await until('the space is freed', () => bytesIn(folder) < 4000 + 2 * 2000 + 15_000);
    assert.ok(full > 100_000);
    await store.close();
    const recovered = await recoveredIn(folder);
    assert.equal(shown(recovered), ['a: message 1999']);
    assert.is(recovered.definitions.length, 1);
  }));

test('deletes the oldest segment if it has no needed records', () =>
  withFolder(async (folder) => {
    const store = await open(folder, { segmentBytes: 2000 });
    const ids = Array.from({ length: 200 }, (_, index) => enqueue(store, `message ${index}`, 'a'));
    await committed(store);
    for (const id of ids.slice(0, 150)) store.settle(id, 'a');
    await until('the first segment is deleted', () => basename(segments(folder)[0] ?? '') !== '0000000001.log');
    await store.close();
    assert.is((await recoveredIn(folder)).entries.length, 50);
  }));

test('frees space after an error', () =>
  withFolder(async (folder) => {
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const store = await open(folder, { segmentBytes: 2000, slackBytes: 0, pauseMs: 1, log });
    const ids = Array.from({ length: 200 }, (_, index) => enqueue(store, `message ${index}`, 'a'));
    await committed(store);
    const [oldest = ''] = segments(folder);
    renameSync(oldest, `${oldest}.away`);
    const settle = () => void store.settle(ids.pop() ?? 0, 'a');
    await until('an error', () => {
      if (lines.length === 0) settle();
      return lines.length > 0;
    });
    assert.match(lines[0] ?? '', /^the store: cannot free disk space, next attempt in 0\.001 s: ENOENT/);
    renameSync(`${oldest}.away`, oldest);
    await until('the oldest segment is deleted', () => {
      settle();
      return !existsSync(oldest);
    });
    await store.close();
    assert.is((await recoveredIn(folder)).entries.length, ids.length);
  }));

test('compaction of a segment waits until the segment is written', () =>
  withFolder(async (folder) => {
    const lines: string[] = [];
    const store = await open(folder, { segmentBytes: 500, slackBytes: 0, log: (line) => lines.push(line) });
    const [, ...ids] = Array.from({ length: 50 }, (_, index) => enqueue(store, `message ${index}`, 'a'));
    for (const id of ids) store.settle(id, 'a');
    await until('the first segment is deleted', () => {
      assert.equal(lines, []);
      const [first] = segments(folder);
      return first !== undefined && basename(first) > '0000000001.log';
    });
    await store.close();
    assert.equal(shown(await recoveredIn(folder)), ['a: message 0']);
    assert.equal(lines, []);
  }));

test('each message is on disk once at every sync of a compaction', () =>
  withFolder(async (folder) => {
    const copies: string[] = [];
    let isCopied = false;
    const openLog: Disk['openLog'] = async (path, flags, mode) => {
      const file = await systemDisk.openLog(path, flags, mode);
      const datasync = async () => {
        await file.datasync();
        if (!isCopied) return;
        const copy = join(folder, `copy-${copies.length}`);
        mkdirSync(copy);
        for (const each of segments(folder)) copyIfThere(each, join(copy, basename(each)));
        copies.push(copy);
      };
      const writev = (parts: readonly Buffer[], position: number) => file.writev(parts, position);
      return { writev, datasync, close: () => file.close() };
    };
    const store = await open(folder, { segmentBytes: 2000, slackBytes: 0, disk: { ...systemDisk, openLog } });
    store.define({ kind: 'queue', key: 'a', value: {} });
    const ids = Array.from({ length: 600 }, (_, index) => enqueue(store, `message ${index}`, 'a', 'b'));
    await committed(store);
    isCopied = true;
    for (const id of ids) if (id % 3 !== 0) store.settle(id, 'a');
    store.drop('b');
    await until('the first six segments are deleted', () => basename(segments(folder)[0] ?? '') > '0000000006.log');
    await store.close();
    const kept = ids.filter((id) => id % 3 === 0);
    assert.ok(copies.length > 5);
    for (const copy of copies) {
      const { entries, definitions } = await recoveredIn(copy);
      const found = entries.filter(({ queue }) => queue === 'a').map(({ message }) => message.id);
      assert.is(new Set(found).size, found.length);
      assert.equal(
        found.filter((id) => id % 3 === 0),
        kept,
      );
      assert.is(definitions.length, 1);
    }
  }));

let returnCount = 0;

function change(store: Store, { entries, definitions }: Model, random: Random): void {
  const queue = random.pick(queues);
  const held = entries.get(queue) ?? new Map<number, Held>();
  const [id] = [...held.keys()].slice(random.below(held.size));
  const kind = random.below(1000);
  if (kind < 450) {
    const content = 'x'.repeat(random.below(200));
    const to = queues.filter(() => random.chance(0.4));
    const expiresAt = random.chance(0.3) ? random.below(1e12) : undefined;
    const message = { exchange: '', routingKey: queue, content: Buffer.from(content), propertiesLength: 0 };
    const given = store.enqueue(
      message,
      to.map((each) => ({ queue: each, expiresAt })),
    );
    for (const each of to) entries.get(each)?.set(given, { content, expiresAt, returns: neverReturned });
  } else if (kind < 850) {
    if (id === undefined) return;
    store.settle(id, queue);
    held.delete(id);
  } else if (kind < 920) {
    const found = id === undefined ? undefined : held.get(id);
    if (id === undefined || found === undefined) return;
    const { acquiredCount, deliveryCount } = found.returns;
    const counts = { acquiredCount: acquiredCount + 1, deliveryCount: deliveryCount + (random.chance(0.5) ? 1 : 0) };
    returnCount += 1;
    found.returns = { ...counts, order: returnCount };
    store.returned(id, queue, counts);
  } else if (kind < 925) {
    store.drop(queue);
    held.clear();
  } else if (kind < 980) {
    const value = random.below(100);
    const key = `${random.below(20)}`;
    store.define({ kind: 'x', key, value });
    definitions.set(key, value);
  } else {
    const key = `${random.below(20)}`;
    store.undefine('x', key);
    definitions.delete(key);
  }
}

/** Lists returned ids in order instead of the order numbers, which may differ between the store and the model. */
function rowsOf(entries: readonly (Held & { readonly id: number })[]): unknown {
  const messages = entries.map(({ id, content, expiresAt, returns: { acquiredCount, deliveryCount } }) => ({
    id,
    content,
    expiresAt,
    acquiredCount,
    deliveryCount,
  }));
  const returned = entries.filter(({ returns }) => returns.order > 0);
  returned.sort((one, other) => one.returns.order - other.returns.order);
  return { messages, returned: returned.map(({ id }) => id) };
}

function plain({ entries, definitions }: Model): unknown {
  const rows = queues.map((queue) => [
    queue,
    rowsOf([...(entries.get(queue) ?? [])].map(([id, held]) => ({ id, ...held }))),
  ]);
  return { entries: Object.fromEntries(rows), definitions: [...definitions] };
}

function asModel({ entries, definitions }: Store['recovered']): unknown {
  const rows = queues.map((queue) => [
    queue,
    rowsOf(
      entries
        .filter((entry) => entry.queue === queue)
        .map(({ message: { id, content }, ...entry }) => ({ id, content: content.toString(), ...entry })),
    ),
  ]);
  return { entries: Object.fromEntries(rows), definitions: definitions.map(({ key, value }) => [key, value]) };
}

function copyIfThere(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function bytesIn(folder: string): number {
  return segments(folder).reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

test('a dropped queue is empty at once, and its bytes are subtracted in steps', () => {
  const index = new LiveRecords();
  const segment = newSegment('.', 1);
  for (let id = 1; id <= 1000; id++)
    index.enqueue(id, [{ queue: 'q', expiresAt: undefined, returns: neverReturned }], segment, 10);
  const work = index.drop('q');
  assert.is(index.drop('q'), undefined);
  assert.not(index.settle(1, 'q'));
  assert.equal([index.liveBytes, index.drops], [10_000, 1]);
  work?.next();
  assert.ok(index.liveBytes > 0 && index.liveBytes < 10_000);
  while (work?.next().done === false);
  assert.equal([index.liveBytes, segment.liveBytes, index.drops], [0, 0, 0]);
});

test.run();
