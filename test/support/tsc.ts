// Runs the TypeScript compiler on files of a user.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bodyDeclarations } from '../../src/contracts/typescript.ts';
import { declarations as ofHandlers } from '../../src/handlers/declarations.ts';
import { declarations as ofTests } from '../../src/harness/declarations.ts';
import { node } from './node.ts';

const root = resolve(import.meta.dirname, '../..');

/**
 * Writes the files next to those of `mq types` without a rascal.json, and may replace mq-bodies.d.ts. Returns the output of tsc, which is empty without
 * errors.
 */
export function tsc(folder: string, files: Readonly<Record<string, string>>, config: object): Promise<string> {
  const own = { 'mq-test.d.ts': ofTests, 'mq-handler.d.ts': ofHandlers, 'tsconfig.json': JSON.stringify(config) };
  const bodies = { 'mq-bodies.d.ts': bodyDeclarations(new Map(), new Map()) };
  for (const [name, content] of Object.entries({ ...bodies, ...files, ...own }))
    writeFileSync(join(folder, name), content);
  const compiler = resolve(root, 'node_modules/typescript/bin/tsc');
  return new Promise((done) => {
    execFile(node, [compiler, '-p', folder], { timeout: 60_000 }, (error, stdout, stderr) => {
      done(stdout + stderr || (error?.message ?? ''));
    });
  });
}

/**
 * Returns the errors of tsc in a text that imports files of src. Errors in those files do not count, because
 * `npm run types` reports them.
 */
export async function problemsBesideSource(folder: string, text: string): Promise<string[]> {
  const compilerOptions = { typeRoots: [resolve(root, 'node_modules/@types')] };
  const config = { extends: resolve(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'], exclude: [] };
  const problems = await tsc(folder, { 'same.ts': text, 'package.json': '{ "type": "module" }' }, config);
  return problems.split('\n').filter((line) => /same\.ts/.test(line));
}
