import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store } from '../../../../src/broker/store/contract.ts';
import { type Disk, type LogFile, systemDisk } from '../../../../src/broker/store/disk.ts';
import { committed, enqueue, open, recoveredIn, segments, shown, withFolder } from './folder.ts';

/** Returns a disk that can fail its next writes or syncs, or write only a part. */
function failingDisk(): {
  next: 'well' | 'no write' | 'no sync' | 'no sync once' | 'in parts';
  disk: Disk;
} {
  const state: ReturnType<typeof failingDisk> = {
    next: 'well',
    disk: { ...systemDisk, openLog },
  };
  async function openLog(...[path, flags, mode]: Parameters<Disk['openLog']>): Promise<LogFile> {
    const file = await systemDisk.openLog(path, flags, mode);
    return {
      close: () => file.close(),
      writev: async (parts, position) => {
        if (state.next === 'no write') throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
        const [first = Buffer.alloc(0)] = parts;
        return await file.writev(state.next === 'in parts' ? [first.subarray(0, 7)] : parts, position);
      },
      datasync: async () => {
        const isFailing = state.next === 'no sync' || state.next === 'no sync once';
        if (state.next === 'no sync once') state.next = 'well';
        if (isFailing) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
        await file.datasync();
      },
    };
  }
  return state;
}

for (const failure of ['no write', 'no sync'] as const) {
  test(`reports no commit after a failed ${failure === 'no write' ? 'write' : 'sync'}`, () =>
    withFolder(async (folder) => {
      const { lines, log } = lineLog();
      const failing = failingDisk();
      const store = await open(folder, { disk: failing.disk, log });
      enqueue(store, 'before', 'a');
      await committed(store);
      failing.next = failure;
      enqueue(store, 'lost', 'a');
      assert.is(await outcome(store), 'IO');
      failing.next = 'well';
      enqueue(store, 'after', 'a');
      assert.is(await outcome(store), 'IO');
      store.drop('a');
      store.define({ kind: 'x', key: 'y', value: 1 });
      assert.is(await outcome(store), 'IO');
      await store.close();
      assert.is(lines.length, 1);
      const again = shown(await recoveredIn(folder));
      // The unconfirmed message may be on disk if only its sync failed.
      assert.is(again[0], 'a: before');
      assert.not(again.includes('a: after'));
    }));
}

for (const [what, disturb] of [
  ['removed', (folder) => rmSync(folder, { recursive: true })],
  ['moved', (folder) => renameSync(folder, `${folder}.away`)],
  [
    'replaced by a copy',
    (folder) => {
      renameSync(folder, `${folder}.away`);
      cpSync(`${folder}.away`, folder, { recursive: true });
    },
  ],
] as const satisfies [string, (folder: string) => void][]) {
  test(`reports no commit after the folder was ${what}, and logs one line`, () =>
    withFolder(async (parent) => {
      const { lines, log } = lineLog();
      const folder = join(parent, 'data');
      const store = await open(folder, { log });
      enqueue(store, 'before', 'a');
      await committed(store);
      disturb(folder);
      for (const body of ['lost', 'after']) {
        enqueue(store, body, 'a');
        assert.is(await outcome(store), 'IO');
      }
      await store.close();
      assert.is(lines.length, 1);
    }));
}

test('all pending commits of a failed batch receive the error', () =>
  withFolder(async (folder) => {
    const failing = failingDisk();
    const store = await open(folder, { disk: failing.disk });
    failing.next = 'no sync';
    const outcomes: Promise<string>[] = [];
    for (let count = 0; count < 3; count++) {
      enqueue(store, 'x', 'a');
      outcomes.push(outcome(store));
    }
    store.committed(() => {
      enqueue(store, 'y', 'a');
      outcomes.push(outcome(store));
    });
    await outcomes[0];
    await Promise.resolve();
    assert.is(outcomes.length, 4);
    assert.equal(await Promise.all(outcomes), ['IO', 'IO', 'IO', 'IO']);
    await store.close();
  }));

test('writes nothing after a failed sync, so that the log has no hole', () =>
  withFolder(async (folder) => {
    const failing = failingDisk();
    const store = await open(folder, { disk: failing.disk, segmentBytes: 100 });
    failing.next = 'no sync once';
    for (let count = 0; count < 20; count++) enqueue(store, `${count}`, 'a');
    assert.is(await outcome(store), 'IO');
    await store.close();
    assert.is(segments(folder).length, 1);
    await recoveredIn(folder);
  }));

test('completes a write that the disk accepts in parts', () =>
  withFolder(async (folder) => {
    const slow = failingDisk();
    const store = await open(folder, { disk: slow.disk });
    slow.next = 'in parts';
    for (let count = 0; count < 20; count++) enqueue(store, `${count}`, 'a');
    await committed(store);
    await store.close();
    assert.is((await recoveredIn(folder)).entries.length, 20);
  }));

test('logs a failed close of the last segment', () =>
  withFolder(async (folder) => {
    const { lines, log } = lineLog();
    const failing = failingDisk();
    const store = await open(folder, { disk: failing.disk, log });
    failing.next = 'no write';
    enqueue(store, 'lost', 'a');
    await store.close();
    assert.is(lines.length, 1);
    assert.is(await outcome(store), 'IO');
  }));

test('a close does not reject if the folder cannot be unlocked', () =>
  withFolder(async (folder) => {
    const { lines, log } = lineLog();
    const disk = { ...systemDisk };
    const store = await open(folder, { log, disk });
    disk.unlink = () => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));
    await store.close();
    assert.match(lines.join(), /^the store: cannot unlock the folder: /);
  }));

function lineLog(): { lines: string[]; log: (line: string) => void } {
  const lines: string[] = [];
  return { lines, log: (line) => void lines.push(line) };
}

function outcome(store: Store): Promise<string> {
  return committed(store).then(
    () => 'on disk',
    (error) => error.code,
  );
}

test.run();
