// Checks that the paths of a client stay inside the working folder.

import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import { pathInside } from '../../../src/mcp/folder.ts';
import { emptyFolder } from '../../support/mq.ts';

test('accepts files and folders inside the working folder', async () => {
  const folder = emptyFolder({ 'a.json': '' });
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub/b.json'), '');
  symlinkSync('sub', join(folder, 'link'));
  const paths: [string, string][] = [
    ['a.json', './a.json'],
    ['sub/../a.json', './a.json'],
    [join(folder, 'a.json'), './a.json'],
    ['.', '.'],
    ['-', './-'],
    ['--on=cluster', './--on=cluster'],
    ['link/b.json', './link/b.json'],
    ['missing/c.json', './missing/c.json'],
    ['..a', './..a'],
  ];
  for (const [path, expected] of paths) assert.is(await pathInside(folder, path), expected, path);
});

test('refuses paths outside the working folder, also through symbolic links', async () => {
  const folder = emptyFolder();
  const other = emptyFolder({ 'x.json': '' });
  symlinkSync(other, join(folder, 'out'));
  symlinkSync(join(other, 'x.json'), join(folder, 'x.json'));
  for (const path of ['..', '../x', '/etc/passwd', other, 'out', 'out/x.json', 'out/missing', 'x.json', 'a/../../x']) {
    const error = await pathInside(folder, path).catch((caught: unknown) => caught);
    assert.ok(error instanceof MqError && error.code === 'NOT_PERMITTED', path);
  }
});

test('refuses a file that could be read without an end', async () => {
  const folder = emptyFolder();
  const socket = createServer().listen(join(folder, 'socket.json'));
  await once(socket, 'listening');
  const error = await pathInside(folder, 'socket.json').catch((caught: unknown) => caught);
  socket.close();
  assert.ok(error instanceof MqError && error.code === 'NOT_PERMITTED');
  assert.match(error.message, /neither a regular file nor a folder/);
});

test.run();
