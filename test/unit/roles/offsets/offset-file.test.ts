import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MqError } from '../../../../src/errors.ts';
import { OffsetFile } from '../../../../src/roles/offsets/offset-file.ts';
import { emptyFolder } from '../../../support/mq.ts';

const stream = { vhost: '/', queue: 'events' };
const onError = (error: MqError) => assert.unreachable(error.message);
const open = (path: string) => new OffsetFile({ path, stream, onError });

test('contains the offset after the turn in which it was saved', async () => {
  const path = join(emptyFolder(), 'offset');
  const file = open(path);
  assert.is(file.stored, undefined);
  for (const offset of [0, 1, 2]) file.save(offset);
  await turn();
  await turn();
  assert.is(open(path).stored, 2, 'another process can read it before the file is closed');
  file.save(3);
  await file.close();
  const again = open(path);
  assert.is(again.stored, 3);
  await again.close();
});

test('keeps its size and survives a damaged line', async () => {
  const path = join(emptyFolder(), 'offset');
  for (let offset = 0; offset < 6; offset += 1) {
    const file = open(path);
    assert.is(file.stored, offset === 0 ? undefined : offset - 1);
    file.save(offset);
    await file.close();
  }
  const [first = '', second = '', ...others] = readFileSync(path, 'utf8').split('\n');
  assert.equal(others, ['']);
  assert.is(first.length, second.length);
  writeFileSync(path, `${first}\n${second.slice(0, 20)}`);
  assert.is(open(path).stored, 4, 'the line of the previous offset is still valid');
});

test('reads a file of which a line was not on disk before the machine failed', async () => {
  const path = join(emptyFolder(), 'offset');
  const zeros = '\0'.repeat(2048);
  writeFileSync(path, zeros);
  const file = open(path);
  assert.is(file.stored, undefined);
  for (const offset of [7, 8]) {
    file.save(offset);
    await turn();
    await turn();
  }
  await file.close();
  const second = readFileSync(path, 'utf8').slice(2048);
  writeFileSync(path, `${zeros}${second}`);
  const again = open(path);
  assert.is(again.stored, 8);
  again.save(9);
  await again.close();
  assert.is(readFileSync(path, 'utf8').slice(2048), second, 'the valid line is not overwritten');
  assert.is(open(path).stored, 9);
});

for (const [what, text] of [
  ['other text', 'hello\n'],
  ['the offset of another stream', '{"vhost":"/","queue":"other","offset":1}\n'],
  ['the offset of another vhost', '{"vhost":"v","queue":"events","offset":1}\n'],
] as const) {
  test(`refuses a file with ${what}`, () => {
    const path = join(emptyFolder(), 'offset');
    writeFileSync(path, text);
    try {
      open(path);
      assert.unreachable();
    } catch (error) {
      assert.is((error as MqError).code, 'BAD_DATA');
    }
    assert.is(readFileSync(path, 'utf8'), text);
  });
}

test('refuses a file that cannot be created', () => {
  try {
    open(join(emptyFolder(), 'missing', 'offset'));
    assert.unreachable();
  } catch (error) {
    assert.is((error as MqError).code, 'CANNOT_CREATE');
  }
});

test.run();
