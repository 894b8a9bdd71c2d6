import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Store } from '../../../../src/broker/store/contract.ts';
import { systemDisk } from '../../../../src/broker/store/disk.ts';
import { openStore } from '../../../../src/broker/store.ts';
import { until } from '../../../support/until.ts';
import { bytesOf, enqueue, open, recoveredIn, withFolder } from './folder.ts';

test('a folder has one store at a time, even within one process', () =>
  withFolder(async (folder) => {
    const store = await open(folder);
    enqueue(store, 'x', 'a');
    assert.is(await refusal(open(folder)), 'CANNOT_CREATE');
    assert.is(await refusal(openStore(folder, { pid: 5_000_000, isAlive: () => true })), 'CANNOT_CREATE');
    await store.close();
    assert.is((await recoveredIn(folder)).entries.length, 1);
    assert.equal(readdirSync(folder), ['0000000001.log']);
  }));

test('replaces the lock of a process that has ended, even with the same id', () =>
  withFolder(async (folder) => {
    const lock = join(folder, 'lock');
    for (const pid of [5_000_000, 4_000_000]) {
      writeFileSync(lock, JSON.stringify({ pid, host: hostname(), token: 'gone' }));
      const store = await open(folder);
      assert.is(JSON.parse(readFileSync(lock, 'utf8')).pid, 4_000_000);
      await store.close();
      assert.not(existsSync(lock));
    }
  }));

test('replaces an invalid lock, but not one of another machine', () =>
  withFolder(async (folder) => {
    const lock = join(folder, 'lock');
    for (const text of ['', 'null', '17', '{"pid":']) {
      writeFileSync(lock, text);
      await recoveredIn(folder);
    }
    writeFileSync(lock, JSON.stringify({ pid: 1, host: 'elsewhere', token: 'x' }));
    assert.is(await refusal(open(folder)), 'CANNOT_CREATE');
    const store = await open(folder, { breaksLock: true });
    assert.is(JSON.parse(readFileSync(lock, 'utf8')).host, hostname());
    // --break-lock does not apply to a running process of this machine.
    assert.is(
      await refusal(openStore(folder, { pid: 5_000_000, isAlive: () => true, breaksLock: true })),
      'CANNOT_CREATE',
    );
    await store.close();
  }));

test('replaces the lock of a zombie', () =>
  withFolder(async (folder) => {
    // `exec` replaces the shell by sleep, which does not wait for its child. The child then ends and becomes a zombie.
    const line = 'exec 3<&0; cat <&3 >/dev/null & echo $!; exec sleep 60 3<&-';
    const parent = spawn('/bin/sh', ['-c', line], { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      const [text] = await once(parent.stdout, 'data');
      const pid = Number(String(text));
      await until('sleep has replaced the shell', () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n');
      parent.stdin.end();
      await until('the child is a zombie', () => / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')));
      writeFileSync(join(folder, 'lock'), JSON.stringify({ pid, host: hostname(), token: 'zombie' }));
      await (await open(folder, { isAlive: () => true })).close();
    } finally {
      parent.kill('SIGKILL');
    }
  }));

test('syncs the parents of a new folder', () =>
  withFolder(async (folder) => {
    const synced: string[] = [];
    const syncFolder = async (path: string) => void synced.push(path);
    const disk = { ...systemDisk, syncFolder };
    await (await open(join(folder, 'a', 'b'), { disk })).close();
    const parent = dirname(folder);
    assert.equal(synced, [folder, parent, join(folder, 'a'), folder]);
  }));

test('one of many processes replaces a stale lock', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: 5_000_000, host: hostname(), token: 'gone' }));
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => open(folder)));
    const stores = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    assert.is(stores.length, 1);
    for (const store of stores) await store.close();
    assert.equal(
      readdirSync(folder).filter((name) => name.startsWith('lock')),
      [],
    );
  }));

test('replaces an empty lock and its empty link, which a power loss may leave', () =>
  withFolder(async (folder) => {
    for (const name of ['lock', 'lock.after.e3b0c44298fc1c14']) writeFileSync(join(folder, name), '');
    await (await open(folder)).close();
    assert.equal(
      readdirSync(folder).filter((name) => name.startsWith('lock')),
      [],
    );
  }));

test('reports CANNOT_CREATE below a file, and unlocks after a failed open', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'file'), '');
    assert.is(await refusal(open(join(folder, 'file', 'below'))), 'CANNOT_CREATE');
    const damaged = join(folder, 'damaged');
    mkdirSync(damaged);
    writeFileSync(join(damaged, '0000000001.log'), 'something else, longer than a header');
    assert.is(await refusal(open(damaged)), 'BAD_DATA');
    assert.is(await refusal(open(damaged)), 'BAD_DATA');
    assert.equal(bytesOf(join(damaged, '0000000001.log')).toString(), 'something else, longer than a header');
    assert.not(existsSync(join(damaged, 'lock')));
  }));

test('replaces the lock of a process that ended while it replaced a lock', () =>
  withFolder(async (folder) => {
    const gone = (token: string) => JSON.stringify({ pid: 5_000_000, host: hostname(), token });
    const after = (text: string) => `lock.after.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
    writeFileSync(join(folder, 'lock'), gone('first'));
    writeFileSync(join(folder, after(gone('first'))), gone('second'));
    const stores = await Promise.allSettled(Array.from({ length: 20 }, () => open(folder)));
    const opened = stores.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    assert.is(opened.length, 1);
    assert.equal(readdirSync(folder), ['lock']);
    for (const store of opened) await store.close();
    assert.equal(readdirSync(folder), []);
  }));

async function refusal(opening: Promise<Store>): Promise<string> {
  try {
    await (await opening).close();
    return 'it opened';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test.run();
