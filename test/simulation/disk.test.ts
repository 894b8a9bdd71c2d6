// Tests the model of the disk: what a power loss and a killed process keep, and which faults it can have.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Random, randomOf } from '../support/random.ts';
import { type DiskFaults, type Operation, SimulatedDisk } from './disk.ts';

const seeds = Array.from({ length: 200 }, (_, index) => index);
const at = async () => undefined;

function partsOf(random: Random, faults: DiskFaults = {}) {
  return { random, wait: at, faults };
}

/** Runs with an empty disk for each seed. Returns the distinct results in order. */
async function results(run: (disk: SimulatedDisk, random: Random) => Promise<unknown>): Promise<unknown[]> {
  const found = new Set<string>();
  for (const seed of seeds) {
    const random = randomOf(seed);
    found.add(JSON.stringify((await run(new SimulatedDisk(partsOf(random)), random)) ?? null));
  }
  return [...found].sort().map((text) => JSON.parse(text));
}

function text(disk: SimulatedDisk, path: string): string | undefined {
  return disk.files().get(path)?.toString();
}

async function write(disk: SimulatedDisk, path: string, ...parts: string[]): Promise<void> {
  const file = await disk.openLog(path, disk.files().has(path) ? 'r+' : 'wx');
  let position = 0;
  for (const part of parts) {
    const { bytesWritten } = await file.writev([Buffer.from(part)], position);
    position += bytesWritten;
  }
  await file.datasync();
  await file.close();
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    ({ code }) => code,
  );
}

test('a power loss keeps a synced file of the log with its name', async () => {
  const found = await results(async (disk, random) => {
    await write(disk, '/a.log', 'one', 'two');
    await disk.syncFolder('/');
    return text(disk.crash(partsOf(random)), '/a.log');
  });
  assert.equal(found, ['onetwo']);
});

test('a power loss can lose a completed write that was not synced', async () => {
  const found = await results(async (disk, random) => {
    await write(disk, '/a.log', 'one');
    await disk.syncFolder('/');
    const file = await disk.openLog('/a.log', 'r+');
    await file.writev([Buffer.from('two')], 3);
    return text(disk.crash(partsOf(random)), '/a.log');
  });
  assert.ok(found.includes('one') && found.includes('onetwo'));
});

test('a power loss keeps a later name only with the earlier names', async () => {
  const found = await results(async (disk, random) => {
    for (const name of ['a', 'b', 'c']) await write(disk, `/${name}`, 'x');
    await disk.unlink('/a');
    return [...disk.crash(partsOf(random)).files().keys()].join('');
  });
  assert.equal(found, ['', '/a', '/a/b', '/a/b/c', '/b/c']);
});

test('a rename is atomic, and is durable after a sync of the folder', async () => {
  const found = await results(async (disk, random) => {
    await write(disk, '/draft', 'new');
    await write(disk, '/lock', 'old');
    await disk.syncFolder('/');
    await disk.rename('/draft', '/lock');
    if (random.chance(0.5)) return text(disk.crash(partsOf(random)), '/lock');
    await disk.syncFolder('/');
    assert.equal([...disk.crash(partsOf(random)).files()], [['/lock', Buffer.from('new')]]);
    return 'new';
  });
  assert.equal(found, ['new', 'old']);
});

test('a name of a file whose bytes are not synced may have an empty file', async () => {
  const found = await results(async (_, random) => {
    const disk = new SimulatedDisk({ random, wait: ({ name }) => (name === 'sync' ? new Promise(() => {}) : at()) });
    void disk.createFile('/lock', 'text');
    await new Promise((turned) => setImmediate(turned));
    await disk.syncFolder('/');
    return text(disk.crash(partsOf(random)), '/lock');
  });
  assert.ok(found.includes('') && found.includes('text') && found.includes('te'));
  assert.ok(found.some((each) => /^\0+$/.test(String(each)))); // the file has grown without its bytes
});

test('a power loss tears a write at any byte, or keeps any of its sectors', async () => {
  const shapes = await results(async (disk, random) => {
    const file = await disk.openLog('/a', 'wx');
    await disk.syncFolder('/');
    // The write does not end before the power loss.
    void file.writev([Buffer.alloc(2048, 'x')], 0);
    const bytes = disk.crash(partsOf(random)).files().get('/a') ?? Buffer.alloc(0);
    const sectors = [0, 512, 1024, 1536].map((start) => bytes.subarray(start, start + 512));
    return sectors
      .map((sector) => (sector.every((byte) => byte === 120) && sector.length === 512 ? 'x' : '-'))
      .join('');
  });
  for (const shape of ['xxxx', '----', 'x---', '-x-x', '--xx']) assert.ok(shapes.includes(shape), shape);
});

test('a killed process loses nothing that was complete', async () => {
  const found = await results(async (disk, random) => {
    await disk.createFile('/lock', 'text');
    await write(disk, '/a.log', 'one');
    return [...disk.kill(partsOf(random)).files()].map(([path, bytes]) => `${path} ${bytes}`);
  });
  assert.equal(found, [['/lock text', '/a.log one']]);
});

test('an operation of a dead process never ends', async () => {
  const disk = new SimulatedDisk(partsOf(randomOf(1)));
  disk.kill(partsOf(randomOf(1)));
  let hasEnded = false;
  void disk.createFile('/x', '').finally(() => {
    hasEnded = true;
  });
  await new Promise((turned) => setImmediate(turned));
  assert.not(hasEnded);
});

test('a failed sync loses bytes that a later sync does not write', async () => {
  const found = await results(async (_, random) => {
    const failing: string[] = ['sync'];
    const errorOf = ({ name }: Operation) => (failing[0] === name && failing.shift() ? 'EIO' : undefined);
    const disk = new SimulatedDisk(partsOf(random, { errorOf }));
    assert.is(await codeOf(disk.createFile('/a', 'text')), 'EIO');
    await disk.syncFolder('/');
    const file = await disk.open('/a', 'r+');
    assert.is(await codeOf(file.sync()), 'done');
    assert.is(text(disk, '/a'), 'text');
    return text(disk.crash(partsOf(random)), '/a');
  });
  assert.equal(found, ['', 'text']);
});

test('a full disk accepts a part of a write, and then fails', async () => {
  const disk = new SimulatedDisk(partsOf(randomOf(1), { capacity: () => 5 }));
  const file = await disk.openLog('/a', 'wx');
  assert.equal(await file.writev([Buffer.from('0123'), Buffer.from('4567')], 0), { bytesWritten: 5 });
  assert.is(await codeOf(file.writev([Buffer.from('5')], 5)), 'ENOSPC');
  assert.is(text(disk, '/a'), '01234');
});

test('a fault can shorten a write, and fail any operation without an effect', async () => {
  const errorOf = ({ path }: Operation) => (path === '/x' ? 'EMFILE' : undefined);
  const disk = new SimulatedDisk(partsOf(randomOf(1), { errorOf, acceptedOf: () => 1 }));
  const file = await disk.openLog('/a', 'wx');
  assert.equal(await file.writev([Buffer.from('0123')], 0), { bytesWritten: 1 });
  assert.is(await codeOf(disk.openLog('/x', 'wx')), 'EMFILE');
  assert.equal([...disk.files().keys()], ['/a']);
});

test('refuses what POSIX refuses, with the same codes', async () => {
  const disk = new SimulatedDisk(partsOf(randomOf(1)));
  await disk.mkdir('/d');
  await disk.createFile('/d/a', 'a');
  const codes = await Promise.all(
    [
      disk.mkdir('/d'),
      disk.mkdir('/x/y'),
      disk.createFile('/d/a', ''),
      disk.link('/d/x', '/d/y'),
      disk.link('/d/a', '/d/a'),
      disk.readFile('/d'),
      disk.readdir('/d/a'),
      disk.unlink('/d/x'),
      disk.stat('/x'),
      disk.open('/x', 'r'),
    ].map(codeOf),
  );
  const expected = 'EEXIST ENOENT EEXIST ENOENT EEXIST EISDIR ENOTDIR ENOENT ENOENT ENOENT';
  assert.is(codes.join(' '), expected);
  await disk.link('/d/a', '/d/b');
  assert.is(disk.identityOf('/d/a'), disk.identityOf('/d/b'));
  await disk.removeFolder('/d');
  assert.equal([disk.identityOf('/d'), await codeOf(disk.removeFolder('/d'))], [undefined, 'done']);
});

test.run();
