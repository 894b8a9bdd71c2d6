// Tests sizes with units, and the limits after which a process of --exec-lines is replaced.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesOf, recycleLimit } from '../../../src/config/size.ts';

test('parses a size with and without a unit', () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['65536', 65_536],
    ['2KiB', 2048],
    ['512MiB', 536_870_912],
    ['2GiB', 2_147_483_648],
    ['2KB', 2000],
    ['512MB', 512_000_000],
    [' 1GB ', 1_000_000_000],
    ['0', 0],
    ...['', 'MiB', '-1', '1.5GiB', '1 MiB', '1M', '1mib', '1e3'].map((text) => [text, undefined] as const),
  ];
  for (const [text, bytes] of rows) assert.is(bytesOf(text), bytes, text);
});

test('parses a limit in messages and in bytes', () => {
  assert.equal(recycleLimit('1000'), { messages: 1000 });
  assert.equal(recycleLimit('512MiB'), { bytes: 536_870_912 });
  assert.equal(recycleLimit('512MB'), { bytes: 512_000_000 });
  for (const text of ['0', '0MiB', 'often']) assert.is(recycleLimit(text), undefined, text);
});

test.run();
