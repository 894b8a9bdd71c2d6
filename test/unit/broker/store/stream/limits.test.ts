// Tests the logs of streams on disk after failures and deletions, what the retention knows after a restart, and what a stream
// without messages costs.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store } from '../../../../../src/broker/store/contract.ts';
import { type Disk, systemDisk } from '../../../../../src/broker/store/disk.ts';
import type { StreamLog } from '../../../../../src/broker/store/stream-log.ts';
import { until } from '../../../../support/until.ts';
import { committed, open, withFolder } from '../folder.ts';

const opened = (store: Store, name: string, segmentBytes = 1 << 20): StreamLog =>
  store.openStream(name, { segmentBytes, onAppended: () => {} });

function append(log: StreamLog, body: string, time = 1000): void {
  log.append({ exchange: 'x', routingKey: 'key', content: Buffer.from(body), propertiesLength: 0 }, time);
}

/** Returns a disk. Each write to the log first waits for `before` with the path of its file. */
function writing(before: (path: string) => Promise<void> | void): Disk {
  const openLog: Disk['openLog'] = async (path, flags, mode) => {
    const file = await systemDisk.openLog(path, flags, mode);
    return {
      close: () => file.close(),
      datasync: () => file.datasync(),
      writev: async (parts, position) => {
        await before(path);
        return await file.writev(parts, position);
      },
    };
  };
  return { ...systemDisk, openLog };
}

test('a restart keeps the ages of older segments', async () => {
  await withFolder(async (folder) => {
    const first = await open(folder);
    const log = opened(first, 's', 100);
    for (let index = 0; index < 6; index++) {
      append(log, 'x'.repeat(100), 1000 + index);
      await committed(first);
    }
    await first.close();
    const second = await open(folder);
    const again = opened(second, 's', 100);
    assert.is(again.segmentCount, 6);
    assert.is(again.oldestTime, 1001);
    assert.is(again.offsetBefore(1004), 3);
    again.trim({ maxBytes: Infinity, before: 1003 });
    assert.is(again.firstOffset, 2);
    await second.close();
  });
});

test('a segment counts when its first message is on disk', async () => {
  await withFolder(async (folder) => {
    const isReleased = Promise.withResolvers<void>();
    let writes = 0;
    const before = (path: string) => {
      if (path.includes('streams')) writes++;
      return isReleased.promise;
    };
    const store = await open(folder, { disk: writing(before) });
    const counts: number[] = [];
    const log = store.openStream('s', { segmentBytes: 100, onAppended: () => counts.push(log.segmentCount) });
    append(log, 'x'.repeat(100));
    await until('a write', () => writes > 0);
    append(log, 'y'.repeat(100));
    isReleased.resolve();
    await committed(store);
    assert.equal(counts, [1, 2]);
    await store.close();
  });
});

test('no commit succeeds after the failure of a stream that is deleted', async () => {
  await withFolder(async (folder) => {
    const store = await open(folder, {
      disk: writing((path) => {
        if (path.includes('bad')) throw new Error('no space');
      }),
    });
    const [bad, good] = [opened(store, 'bad'), opened(store, 'good')];
    append(bad, 'one');
    assert.match(String(await committed(store).catch((reason) => reason)), /no space/);
    bad.delete();
    // The deletion ends in one of the next turns.
    for (let turn = 0; turn < 20; turn++) await new Promise((turned) => setImmediate(turned));
    append(good, 'two');
    assert.match(String(await committed(store).catch((reason) => reason)), /no space/);
    await store.close();
  });
});

test('a deleted stream keeps its messages if its definition cannot be removed', async () => {
  await withFolder(async (folder) => {
    let isFull = false;
    const lines: string[] = [];
    const store = await open(folder, {
      disk: writing((path) => {
        if (isFull && !path.includes('streams')) throw new Error('no space');
      }),
      log: (line) => lines.push(line),
    });
    store.define({ kind: 'queue', key: 's', value: { logFolder: 's' } });
    const log = opened(store, 's');
    append(log, 'one');
    await committed(store);
    isFull = true;
    store.undefine('queue', 's');
    log.delete();
    await store.close();
    assert.ok(existsSync(join(folder, 'streams', 's')));
    assert.match(lines.join('\n'), /cannot delete .*no space/);
    const after = await open(folder);
    assert.is(after.recovered.definitions.length, 1);
    assert.is(opened(after, 's').nextOffset, 1);
    await after.close();
  });
});

test('a deleted stream reports no message that reaches the disk later', async () => {
  await withFolder(async (folder) => {
    const store = await open(folder);
    let calls = 0;
    const log = store.openStream('s', { segmentBytes: 100, onAppended: () => calls++ });
    append(log, 'one');
    log.delete();
    await store.close();
    assert.is(calls, 0);
  });
});

test('a stream without messages needs little memory', async () => {
  await withFolder(async (folder) => {
    const store = await open(folder);
    const before = process.memoryUsage().arrayBuffers;
    const logs = Array.from({ length: 100 }, (_, index) => opened(store, `s${index}`));
    const perStream = (process.memoryUsage().arrayBuffers - before) / logs.length;
    assert.ok(perStream < 10_000, `${perStream} bytes`);
    await store.close();
  });
});

test.run();
