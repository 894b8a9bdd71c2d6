// mq types, as a user has it.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { declarations as handlerDeclarations } from '../../src/handlers/declarations.ts';
import { declarations } from '../../src/harness/declarations.ts';
import { mq } from '../support/mq.ts';

test('mq types writes mq-test.d.ts and mq-handler.d.ts into the folder, and hints at a tsconfig.json on stderr', async () => {
  const cwd = folder();
  const { status, stdout, stderr } = await mq(['types'], { cwd });
  assert.is(status, 0);
  assert.is(stdout, 'mq-test.d.ts\nmq-handler.d.ts\n');
  assert.is(readFileSync(join(cwd, 'mq-handler.d.ts'), 'utf8'), handlerDeclarations);
  assert.is(readFileSync(join(cwd, 'mq-test.d.ts'), 'utf8'), declarations);
  assert.match(stderr, /^hint: a tsconfig\.json that includes them/);
  JSON.parse(stderr.slice(stderr.indexOf('{')));
});

test('mq types --out makes the folder, and writes over what is there', async () => {
  const cwd = folder();
  for (const _ of [1, 2]) {
    const { status, stdout } = await mq(['types', '--out', 'a/b'], { cwd });
    assert.is(status, 0);
    const names = ['mq-test.d.ts', 'mq-handler.d.ts'];
    assert.is(stdout, names.map((name) => `${join('a', 'b', name)}\n`).join(''));
  }
  assert.is(readFileSync(join(cwd, 'a', 'b', 'mq-test.d.ts'), 'utf8'), declarations);
});

test('mq types says what cannot be written, and where a folder belongs', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'file'), '');
  const refused = await mq(['types', '--out', 'file/deep'], { cwd });
  assert.is(refused.status, 73);
  assert.match(refused.stderr, /^mq types: cannot write .*mq-test\.d\.ts: .* \[CANNOT_CREATE\]\n$/);
  const wrong = await mq(['types', 'test'], { cwd });
  assert.is(wrong.status, 64);
  assert.match(wrong.stderr, /unexpected argument 'test'/);
});

test.run();

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'mq-types-'));
}
