// Tests the simulated files: a new file, a full disk, and a loss of power.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomOf } from '../../support/random.ts';
import { FileSystem, simulatedFolder } from './file-system.ts';
import { World } from './world.ts';

const path = `${simulatedFolder}/a`;
const text = 'synced';

async function done<T>(world: World, work: Promise<T>): Promise<T> {
  await world.run(() => false);
  return work;
}

/** Returns what is in a file after a loss of power, for each of some seeds, without duplicates. */
async function afterPowerLoss({ isSynced }: { isSynced: boolean }): Promise<(string | undefined)[]> {
  const found = new Set<string | undefined>();
  for (let seed = 0; seed < 100; seed += 1) {
    const world = new World(seed);
    const files = new FileSystem(world);
    const file = await done(world, files.open(path, 'wx'));
    await done(world, file.writeFile(Buffer.from(text)));
    if (isSynced) {
      await done(world, file.sync());
      await done(world, (await files.open(simulatedFolder, 'r')).sync());
    }
    files.losePower(path, randomOf(seed));
    found.add(files.read(path)?.toString());
  }
  return [...found];
}

test('a loss of power keeps what was synced', async () => {
  assert.equal(await afterPowerLoss({ isSynced: true }), [text]);
});

test('a loss of power can lose bytes and the name of a file', async () => {
  const found = await afterPowerLoss({ isSynced: false });
  for (const expected of [undefined, '', 'syn', text, '\0\0\0']) assert.ok(found.includes(expected), expected);
});

test('a full disk stores a part of the bytes', async () => {
  const world = new World(1);
  const files = new FileSystem(world);
  files.mostBytes.set(path, 3);
  const file = await done(world, files.open(path, 'wx'));
  const writing = file.writeFile(Buffer.from(text)).then(
    () => 'done',
    ({ code }) => code,
  );
  assert.is(await done(world, writing), 'ENOSPC');
  assert.is(files.read(path)?.toString(), 'syn');
});

test.run();
