// Checks that every TypeScript block of README.md and of the pages compiles with the tsconfig.json that `mq types` prints.

import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { schemaTree } from '../../src/contracts/schema-node.ts';
import { bodyDeclarations } from '../../src/contracts/typescript.ts';
import { tsconfig } from '../../src/harness/declarations.ts';
import { tsc } from '../support/tsc.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'mq-examples-'));
test.after(() => rmSync(folder, { recursive: true }));

/** Returns the examples by name. The name contains the page and the line. */
function examples(): Record<string, string> {
  const pages = ['README.md', ...globSync('.github/{docs,guides}/**/*.md', { cwd: root })];
  const found = pages.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8');
    return [...text.matchAll(/^```(?:ts|typescript)\n(.*?)^```$/gms)].map(({ 1: code = '', index }) => {
      const line = text.slice(0, index).split('\n').length;
      return [`${page.replace(/\W+/g, '-')}-${line}.ts`, code] as const;
    });
  });
  return Object.fromEntries(found);
}

/** Returns the types of the bodies for the schema that the page about contracts shows. */
function bodies(): string {
  const page = readFileSync(join(root, '.github/docs/contracts.md'), 'utf8');
  const [, text = ''] = /^```json\n(\{\n {2}"\$schema".*?)^```$/ms.exec(page) ?? [];
  const schema = schemaTree({ file: 'schemas/order.json', content: JSON.parse(text), uri: 'file:///order.json' });
  return bodyDeclarations(new Map(), new Map([['orders', schema]]));
}

test('the TypeScript examples compile', async () => {
  const files = { ...examples(), 'mq-bodies.d.ts': bodies() };
  assert.ok(Object.keys(files).length > 2, 'the pages have examples');
  assert.is(await tsc(folder, files, tsconfig), '');
});

test.run();
