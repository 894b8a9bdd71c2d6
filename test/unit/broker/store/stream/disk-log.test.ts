// Tests the logs of streams on disk: what a cursor reads, what a restart recovers, and which segments are deleted.

import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store, StoreOptions } from '../../../../../src/broker/store/contract.ts';
import { type Disk, systemDisk } from '../../../../../src/broker/store/disk.ts';
import type { StreamLog, StreamRecord } from '../../../../../src/broker/store/stream-log.ts';
import { until } from '../../../../support/until.ts';
import { committed, open, segments, withFolder } from '../folder.ts';

const keep = { maxBytes: Infinity, before: -Infinity };

function opened(store: Store, segmentBytes = 1 << 20): StreamLog {
  return store.openStream('s', { segmentBytes, onAppended: () => {} });
}

function append(log: StreamLog, body: string | Buffer, time = 1000): void {
  log.append({ exchange: 'x', routingKey: 'key', content: Buffer.from(body), propertiesLength: 0 }, time);
}

/** Reads until the end of the log. */
async function read(log: StreamLog, from: number): Promise<StreamRecord[]> {
  const records: StreamRecord[] = [];
  let wake = () => {};
  const cursor = log.cursor(from, () => wake());
  let next = from;
  while (next < log.endOffset) {
    const readable = new Promise<void>((done) => {
      wake = done;
    });
    const record = cursor.next();
    if (record === undefined) await readable;
    else {
      records.push(record);
      next = record.offset + 1;
    }
  }
  cursor.close();
  return records;
}

const shown = (records: readonly StreamRecord[]) =>
  records.map(({ offset, message }) => `${offset} ${message.content}`);
const bodies = async (log: StreamLog, from = log.firstOffset) => shown(await read(log, from));

async function withStore(
  folder: string,
  run: (log: StreamLog, store: Store) => Promise<void>,
  { segmentBytes, ...options }: Partial<StoreOptions> & { segmentBytes?: number } = {},
): Promise<void> {
  const store = await open(folder, options);
  await run(opened(store, segmentBytes), store);
  await store.close();
}

const filesOf = (folder: string) => segments(join(folder, 'streams', 's'));

test('a cursor receives a message after it is on disk, from any offset', async () => {
  await withFolder(async (folder) => {
    await withStore(folder, async (log, store) => {
      for (let index = 0; index < 3000; index++) append(log, `message ${index}`);
      assert.is(log.endOffset, 0);
      assert.is(log.cursor(0, () => {}).next(), undefined);
      await committed(store);
      assert.is(log.endOffset, 3000);
      for (const from of [0, 1, 1499, 2999]) {
        const all = await read(log, from);
        assert.is(all.length, 3000 - from);
        assert.is(`${all[0]?.message.content}`, `message ${from}`);
      }
    });
  });
});

test('a message that is larger than the buffer of a cursor is read whole', async () => {
  await withFolder(async (folder) => {
    const large = Buffer.alloc(300_000, 7);
    await withStore(folder, async (log, store) => {
      for (const body of ['a', large, 'b']) append(log, body);
      await committed(store);
      const [, second, third] = await read(log, 0);
      assert.ok(second?.message.content.equals(large));
      assert.is(`${third?.message.content}`, 'b');
    });
  });
});

test('a restart continues the offsets, over several segments', async () => {
  await withFolder(async (folder) => {
    const wanted: string[] = [];
    for (let start = 0; start < 4; start++) {
      await withStore(
        folder,
        async (log, store) => {
          assert.equal(await bodies(log), wanted);
          for (let index = 0; index < 5; index++) {
            wanted.push(`${log.nextOffset} run ${start}`);
            append(log, `run ${start}`);
            await committed(store);
          }
          assert.equal(await bodies(log), wanted);
          assert.equal(await bodies(log, 3), wanted.slice(3));
        },
        { segmentBytes: 150 },
      );
    }
    assert.ok(filesOf(folder).length > 5);
  });
});

test('an incomplete end is removed, wherever the broker ended', async () => {
  await withFolder(async (folder) => {
    await withStore(folder, async (log, store) => {
      for (const body of ['one', 'two', 'three']) {
        append(log, body);
        await committed(store);
      }
    });
    const [path = ''] = filesOf(folder);
    const whole = readFileSync(path);
    const counts = new Set<number>();
    for (let length = whole.length; length >= 0; length--) {
      writeFileSync(path, whole.subarray(0, length));
      const expected = ['0 one', '1 two', '2 three'];
      // Twice, because recovery must not depend on what an interrupted one has left.
      for (let times = 0; times < 2; times++) {
        await withStore(folder, async (log) => {
          const found = await bodies(log);
          counts.add(found.length);
          assert.equal(found, expected.slice(0, found.length));
          assert.is(log.nextOffset, found.length);
        });
      }
    }
    assert.equal([...counts], [3, 2, 1, 0]);
  });
});

test('an end of zeros or of unknown bytes is removed, and the log continues', async () => {
  await withFolder(async (folder) => {
    await withStore(folder, async (log) => append(log, 'one'));
    for (const [index, end] of [Buffer.alloc(1000), Buffer.from('garbage that is longer than a head')].entries()) {
      appendFileSync(filesOf(folder)[0] ?? '', end);
      await withStore(folder, async (log, store) => {
        assert.is(log.nextOffset, 1 + index);
        append(log, `more ${index}`);
        await committed(store);
      });
    }
    await withStore(folder, async (log) => assert.equal(await bodies(log), ['0 one', '1 more 0', '2 more 1']));
  });
});

test('a segment without a message does not reset the offsets', async () => {
  await withFolder(async (folder) => {
    const segmentBytes = 100;
    const append3 = async (log: StreamLog, store: Store) => {
      for (const body of ['one', 'two', 'three']) {
        append(log, body.repeat(20));
        await committed(store);
      }
    };
    await withStore(folder, append3, { segmentBytes });
    const last = filesOf(folder).at(-1) ?? '';
    truncateSync(last, 24);
    await withStore(folder, async (log) => assert.is(log.nextOffset, 2), { segmentBytes });
    truncateSync(last, 0);
    await withStore(folder, async (log) => assert.is(log.nextOffset, 2), { segmentBytes });
  });
});

test('a damaged record stops the start, or the consumer that reads it', async () => {
  await withFolder(async (folder) => {
    await withStore(
      folder,
      async (log, store) => {
        for (let index = 0; index < 6; index++) {
          append(log, `message ${index}`);
          await committed(store);
        }
      },
      { segmentBytes: 200 },
    );
    const paths = filesOf(folder);
    const [oldest = '', newest = ''] = [paths[0], paths.at(-1)];
    const change = (path: string, at: number) => {
      const bytes = readFileSync(path);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      writeFileSync(path, bytes);
    };
    change(oldest, readFileSync(oldest).indexOf('message 1'));
    await withStore(folder, async (log) => {
      let error: unknown;
      const cursor = log.cursor(0, () => {});
      await until('an error', () => {
        try {
          cursor.next();
        } catch (caught) {
          error = caught;
        }
        return error;
      });
      assert.match(String(error), /damaged record at byte \d+ of/);
      cursor.close();
    });
    change(newest, 34);
    appendFileSync(newest, readFileSync(newest).subarray(24));
    const refusal = await open(folder).catch((reason) => reason);
    assert.match(String(refusal), /damaged record at byte 24 of/);
  });
});

test('retention deletes old segments by size and age, but never the newest', async () => {
  await withFolder(async (folder) => {
    await withStore(
      folder,
      async (log, store) => {
        const fill = async () => {
          for (let index = 0; index < 10; index++) {
            append(log, Buffer.alloc(60), 1000 + log.nextOffset);
            await committed(store);
          }
        };
        await fill();
        const before = filesOf(folder).length;
        log.trim(keep);
        assert.is(log.firstOffset, 0);
        log.trim({ maxBytes: 500, before: -Infinity });
        assert.ok(log.bytes <= 500);
        assert.ok(log.firstOffset > 0);
        await until('the deletion', () => filesOf(folder).length < before);
        await fill();
        log.trim({ maxBytes: Infinity, before: 1015 });
        assert.ok(log.firstOffset >= 14 && log.firstOffset <= 15, `${log.firstOffset}`);
        log.trim({ maxBytes: 0, before: Infinity });
        assert.is(log.nextOffset, 20);
        assert.is((await read(log, 0)).at(-1)?.offset, 19);
        await until('the deletion', () => filesOf(folder).length === log.segmentCount);
      },
      { segmentBytes: 200 },
    );
    await withStore(folder, async (log) => {
      assert.is(log.nextOffset, 20);
      assert.ok(log.firstOffset > 0);
    });
  });
});

test('a cursor whose segment was deleted continues at the first message', async () => {
  await withFolder(async (folder) => {
    await withStore(
      folder,
      async (log, store) => {
        for (let index = 0; index < 10; index++) {
          append(log, Buffer.alloc(60));
          await committed(store);
        }
        let wakes = 0;
        const cursor = log.cursor(0, () => wakes++);
        const next = () => until('a record', () => cursor.next());
        assert.is((await next())?.offset, 0);
        log.trim({ maxBytes: 0, before: -Infinity });
        assert.is((await next())?.offset, log.firstOffset);
        cursor.close();
      },
      { segmentBytes: 200 },
    );
  });
});

test('removes the folders of deleted and of undefined streams', async () => {
  await withFolder(async (folder) => {
    const path = join(folder, 'streams', 's');
    await withStore(folder, async (log, store) => {
      append(log, 'one');
      await committed(store);
      assert.ok(existsSync(path));
      log.delete();
    });
    assert.not.ok(existsSync(path));
    await withStore(folder, async (log) => append(log, 'one'));
    const store = await open(folder);
    store.keepStreams(new Set(['s']));
    await store.close();
    assert.ok(existsSync(path));
    const other = await open(folder);
    other.keepStreams(new Set());
    await other.close();
    assert.equal(readdirSync(join(folder, 'streams')), []);
  });
});

test('a commit and a settlement wait for the disk of the streams', async () => {
  await withFolder(async (folder) => {
    const writes: string[] = [];
    let release = () => {};
    const isReleased = new Promise<void>((done) => {
      release = done;
    });
    const openLog: Disk['openLog'] = async (path, flags, mode) => {
      const file = await systemDisk.openLog(path, flags, mode);
      return {
        close: () => file.close(),
        datasync: () => file.datasync(),
        writev: async (parts, position) => {
          const isStream = path.includes('streams');
          if (isStream) await isReleased;
          writes.push(isStream ? 'stream' : 'store');
          return await file.writev(parts, position);
        },
      };
    };
    const store = await open(folder, { disk: { ...systemDisk, openLog } });
    append(opened(store), 'dead');
    store.define({ kind: 'queue', key: 'q', value: 1 });
    let isCommitted = false;
    const commit = committed(store).then(() => {
      isCommitted = true;
    });
    for (let turn = 0; turn < 50; turn++) await new Promise((turned) => setImmediate(turned));
    assert.equal([writes, isCommitted], [[], false]);
    release();
    await commit;
    // Each file begins with a header.
    assert.equal(writes, ['stream', 'stream', 'store', 'store']);
    await store.close();
  });
});

test('keeps a settled message if the stream of its dead letter is not written', async () => {
  await withFolder(async (folder) => {
    const id = await (async () => {
      const store = await open(folder);
      const message = { exchange: '', routingKey: 'q', content: Buffer.from('dead'), propertiesLength: 0 };
      const stored = store.enqueue(message, [{ queue: 'q', expiresAt: undefined }]);
      await store.close();
      return stored;
    })();
    const failures: string[] = [];
    const openLog: Disk['openLog'] = async (path, flags, mode) => {
      if (path.includes('streams')) throw new Error('no space');
      return await systemDisk.openLog(path, flags, mode);
    };
    const store = await open(folder, {
      disk: { ...systemDisk, openLog },
      onFailed: ({ message }) => failures.push(message),
    });
    append(opened(store), 'dead');
    store.settle(id, 'q');
    const error = await committed(store).catch((reason) => reason);
    assert.match(String(error), /streams.*no space/);
    assert.match(String(store.failure), /no space/);
    await store.close();
    assert.is(failures.length, 1);
    const after = await open(folder);
    assert.is(after.recovered.entries.length, 1);
    await after.close();
  });
});

test.run();
