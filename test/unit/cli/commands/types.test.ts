// mq types writes the declarations for editors.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { declarations as handlerDeclarations } from '../../../../src/handlers/declarations.ts';
import { declarations } from '../../../../src/harness/declarations.ts';
import { runCli } from '../../../support/cli.ts';

test('mq types writes two files and hints at a tsconfig.json', async () => {
  const cwd = folder();
  const { status, stdout, stderr } = await runCli(['types'], { cwd });
  assert.is(status, 0);
  assert.is(stdout, 'mq-test.d.ts\nmq-handler.d.ts\n');
  assert.is(readFileSync(join(cwd, 'mq-handler.d.ts'), 'utf8'), handlerDeclarations);
  assert.is(readFileSync(join(cwd, 'mq-test.d.ts'), 'utf8'), declarations);
  assert.match(stderr, /^hint: if you have no tsconfig\.json, this one includes both files:\n\{/);
  JSON.parse(stderr.slice(stderr.indexOf('{')));
});

test('mq types --out creates the folder and overwrites files', async () => {
  const cwd = folder();
  for (const _ of [1, 2]) {
    const { status, stdout } = await runCli(['types', '--out', 'a/b'], { cwd });
    assert.is(status, 0);
    const names = ['mq-test.d.ts', 'mq-handler.d.ts'];
    assert.is(stdout, names.map((name) => `${join('a', 'b', name)}\n`).join(''));
  }
  assert.is(readFileSync(join(cwd, 'a', 'b', 'mq-test.d.ts'), 'utf8'), declarations);
});

test('mq types refuses a file as a folder, and an argument', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'file'), '');
  const refused = await runCli(['types', '--out', 'file/deep'], { cwd });
  assert.is(refused.status, 73);
  assert.match(refused.stderr, /^mq types: cannot write .*mq-test\.d\.ts: .* \[CANNOT_CREATE\]\n$/);
  const wrong = await runCli(['types', 'test'], { cwd });
  assert.is(wrong.status, 64);
  assert.match(wrong.stderr, /unexpected argument 'test'/);
});

test.run();

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'mq-types-'));
}
