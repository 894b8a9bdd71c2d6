// Measures the overhead of `mq test` against the least possible: `mq --version` and uvu's own runner.

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { executable } from '../../support/mq.ts';
import { inTurn, type Measured, measure } from '../measure.ts';
import { cpuMs, elapsedMs, peakMb, table } from '../table.ts';
import type { Settings } from './node.ts';

const root = resolve(import.meta.dirname, '../../..');
const columns = [cpuMs, elapsedMs, peakMb];

export async function harness({ runs }: Settings): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
  const { TMPDIR, XDG_CACHE_HOME } = process.env;
  // mq does not cache code of temporary files, and these files represent those of a user.
  Object.assign(process.env, { TMPDIR: join(folder, 'tmp'), XDG_CACHE_HOME: join(folder, 'cache') });
  try {
    for (const ending of ['js', 'ts']) await firstTest(folder, ending, runs * 4);
    await manyTests(folder, runs * 4);
  } finally {
    restore({ TMPDIR, XDG_CACHE_HOME });
    rmSync(folder, { recursive: true });
  }
}

function restore(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/** Measures the time from the start of the process to the first line of the first test, which writes the time. */
async function firstTest(folder: string, ending: string, rounds: number): Promise<void> {
  const mark = join(folder, 'mark');
  const file = `first.test.${ending}`;
  writeFileSync(
    join(folder, file),
    `import { writeFileSync } from 'node:fs';
import { test } from 'mq/test';
test('first', () => writeFileSync(${JSON.stringify(mark)}, String(performance.timeOrigin + performance.now())));
`,
  );
  const test: Measured[] = [];
  const version: Measured[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const measured = await measure({ command: [executable, 'test', file], cwd: folder });
    const seconds = (Number(readFileSync(mark, 'utf8')) - measured.beganAtMs) / 1000;
    const least = await measure({ command: [executable, '--version'] });
    if (round < 0) continue; // the first round warms up: a .ts file is stripped once
    test.push({ ...measured, seconds });
    version.push(least);
  }
  table(`mq test, first test of a .${ending} file`, columns, [
    { name: 'mq (ms until the first test)', rounds: test },
    { name: 'mq --version', rounds: version },
  ]);
}

async function manyTests(folder: string, rounds: number): Promise<void> {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const text = (imports: string, end: string) =>
    `${imports}\nfor (let i = 0; i < 500; i++) test('test ' + i, () => assert.is(i, i));\n${end}`;
  const uvus = text("import { test } from 'uvu';\nimport * as assert from 'uvu/assert';", 'test.run();');
  writeFileSync(join(folder, 'uvu.test.mjs'), uvus);
  writeFileSync(join(folder, 'mq.test.mjs'), text("import { assert, test } from 'mq/test';", ''));
  const mq = (file: string) => ({ command: [executable, 'test', file], cwd: folder });
  const runner = [process.execPath, 'node_modules/uvu/bin.js', '.', 'uvu.test.mjs'];
  const jobs = [mq('mq.test.mjs'), mq('uvu.test.mjs'), { command: runner, cwd: folder }];
  const [own = [], withUvu = [], uvu = []] = await inTurn(rounds, jobs);
  table('mq test, 500 empty tests', columns, [
    { name: "mq, tests import 'mq/test'", rounds: own },
    { name: "mq, tests import 'uvu'", rounds: withUvu },
    { name: "uvu's runner", rounds: uvu },
  ]);
}
