// Tests the random UUIDs of mq.

import fs, { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomUUID } from '../../src/random-uuid.ts';

test('creates different UUIDs of version 4', () => {
  // More than are read from the random device at once.
  const ids = Array.from({ length: 1000 }, randomUUID);
  for (const id of ids) assert.match(id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.is(new Set(ids).size, ids.length);
  // Each bit that is not fixed is 0 in some ids and 1 in others.
  const digits = ids.map((id) => id.replaceAll('-', ''));
  for (let place = 0; place < 32; place += 1) {
    const seen = new Set(digits.map((text) => text[place]));
    assert.is(seen.size, place === 12 ? 1 : place === 16 ? 4 : 16, `digit ${place}`);
  }
});

test('creates different UUIDs if the random device is a regular file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-uuid-'));
  const file = join(folder, 'urandom');
  writeFileSync(file, Buffer.alloc(4096, 7));
  const open = openSync;
  const opened = mock.method(fs, 'openSync', () => open(file, 'r'));
  syncBuiltinESMExports();
  try {
    const ids = Array.from({ length: 1000 }, randomUUID);
    assert.ok(opened.mock.callCount() > 0);
    assert.is(new Set(ids).size, ids.length);
  } finally {
    opened.mock.restore();
    syncBuiltinESMExports();
    rmSync(folder, { recursive: true });
  }
});

test.run();
