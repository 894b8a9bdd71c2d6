import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import { OffsetFile } from '../../../../src/roles/offsets/offset-file.ts';
import { emptyFolder } from '../../../support/mq.ts';

const stream = { vhost: '/', queue: 'events' };
const onError = (error: MqError) => assert.unreachable(error.message);
const open = (path: string) => OffsetFile.open({ path, stream, onError });

/** Returns the offset that another process finds in the file. */
async function storedIn(path: string): Promise<number | undefined> {
  const copy = join(emptyFolder(), 'copy');
  copyFileSync(path, copy);
  const file = await open(copy);
  await file.close();
  return file.stored;
}

async function codeOf(opening: Promise<OffsetFile>): Promise<string> {
  try {
    await (await opening).close();
    return 'opened';
  } catch (error) {
    return error instanceof MqError ? error.code : String(error);
  }
}

test('contains the offset after the turn in which it was saved', async () => {
  const path = join(emptyFolder(), 'offset');
  const file = await open(path);
  assert.is(file.stored, undefined);
  for (const offset of [0, 1, 2]) file.save(offset);
  await turn();
  await turn();
  assert.is(await storedIn(path), 2, 'another process can read it before the file is closed');
  file.save(3);
  await file.close();
  const again = await open(path);
  assert.is(again.stored, 3);
  await again.close();
});

test('keeps its size and survives a damaged line', async () => {
  const path = join(emptyFolder(), 'offset');
  for (let offset = 0; offset < 6; offset += 1) {
    const file = await open(path);
    assert.is(file.stored, offset === 0 ? undefined : offset - 1);
    file.save(offset);
    await file.close();
  }
  const [first = '', second = '', ...others] = readFileSync(path, 'utf8').split('\n');
  assert.equal(others, ['']);
  assert.is(first.length, second.length);
  writeFileSync(path, `${first}\n${second.slice(0, 20)}`);
  assert.is(await storedIn(path), 4, 'the line of the previous offset is still valid');
});

test('reads a file of which a line was not on disk before the machine failed', async () => {
  const path = join(emptyFolder(), 'offset');
  const zeros = '\0'.repeat(2048);
  writeFileSync(path, zeros);
  const file = await open(path);
  assert.is(file.stored, undefined);
  for (const offset of [7, 8]) {
    file.save(offset);
    await turn();
    await turn();
  }
  await file.close();
  const second = readFileSync(path, 'utf8').slice(2048);
  writeFileSync(path, `${zeros}${second}`);
  const again = await open(path);
  assert.is(again.stored, 8);
  again.save(9);
  await again.close();
  assert.is(readFileSync(path, 'utf8').slice(2048), second, 'the valid line is not overwritten');
  assert.is(await storedIn(path), 9);
});

for (const [what, text] of [
  ['other text', 'hello\n'],
  ['the offset of another stream', '{"vhost":"/","queue":"other","offset":1}\n'],
  ['the offset of another vhost', '{"vhost":"v","queue":"events","offset":1}\n'],
] as const) {
  test(`refuses a file with ${what}`, async () => {
    const path = join(emptyFolder(), 'offset');
    writeFileSync(path, text);
    assert.is(await codeOf(open(path)), 'BAD_DATA');
    assert.is(readFileSync(path, 'utf8'), text);
  });
}

test('refuses a file that cannot be created', async () => {
  assert.is(await codeOf(open(join(emptyFolder(), 'missing', 'offset'))), 'CANNOT_CREATE');
});

test('refuses a file that is not regular, before it reads from it', async () => {
  for (const path of ['/dev/null', '/dev/zero', emptyFolder()])
    assert.is(await codeOf(open(path)), 'CANNOT_CREATE', path);
});

test('creates the target of a symbolic link', async () => {
  const folder = emptyFolder();
  symlinkSync('target', join(folder, 'offset'));
  const file = await open(join(folder, 'offset'));
  file.save(3);
  await file.close();
  assert.is(await storedIn(join(folder, 'target')), 3);
});

test('allows one reader of a file, by any of its names', async () => {
  const folder = emptyFolder();
  const path = join(folder, 'offset');
  const file = await open(path);
  symlinkSync('offset', join(folder, 'link'));
  assert.is(await codeOf(open(join(folder, 'link'))), 'CANNOT_CREATE');
  await file.close();
  assert.is(await codeOf(open(join(folder, 'link'))), 'opened');
});

test.run();
