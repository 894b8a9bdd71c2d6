// Measures the overhead of `mq test` against the least possible: `mq --version`, uvu's own runner, and the start of one
// node. `npm run bench` runs it.
//
//   --runs N   number of pairs (default 10)

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../../src/cluster/start.ts';
import { executable } from '../support/mq.ts';
import { type Measured, measure, paired, row, say } from './measure.ts';

const { values } = parseArgs({ options: { runs: { type: 'string' } } });
const runs = Number(values.runs ?? 10);
const root = resolve(import.meta.dirname, '../..');
const ms = ({ seconds }: Measured) => seconds * 1000;
const ratio = (mine: number, other: number) => mine / other;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
  // mq does not cache the code of temporary files. These files represent files of a user, so they must not count as temporary.
  Object.assign(process.env, { TMPDIR: join(folder, 'tmp'), XDG_CACHE_HOME: join(folder, 'cache') });
  try {
    say('what                                                mq          other       ratio');
    for (const ending of ['js', 'ts']) await firstTest(folder, ending);
    await manyTests(folder);
    await clusterStart();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Measures the time from the start of the process to the first line of the first test, which writes the time. */
async function firstTest(folder: string, ending: string): Promise<void> {
  const mark = join(folder, 'mark');
  const file = `first.test.${ending}`;
  writeFileSync(
    join(folder, file),
    `import { writeFileSync } from 'node:fs';
import { test } from 'mq/test';
test('first', () => writeFileSync(${JSON.stringify(mark)}, String(performance.timeOrigin + performance.now())));
`,
  );
  const pairs: [Measured, Measured][] = [];
  for (let time = -1; time < runs * 2; time += 1) {
    const begun = performance.timeOrigin + performance.now();
    const { peak } = await measure({ command: [executable, 'test', file], cwd: folder });
    const seconds = (Number(readFileSync(mark, 'utf8')) - begun) / 1000;
    const least = await measure({ command: [executable, '--version'] });
    if (time >= 0) pairs.push([{ seconds, peak }, least]); // the first warms up: a .ts file is stripped once
  }
  row(`first test of a .${ending} file / --version (ms; want <= 2)`, pairs, ms, ratio);
}

async function manyTests(folder: string): Promise<void> {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const text = (imports: string, end: string) =>
    `${imports}\nfor (let i = 0; i < 500; i++) test('test ' + i, () => assert.is(i, i));\n${end}`;
  const uvus = text("import { test } from 'uvu';\nimport * as assert from 'uvu/assert';", 'test.run();');
  writeFileSync(join(folder, 'uvu.test.mjs'), uvus);
  writeFileSync(join(folder, 'mq.test.mjs'), text("import { assert, test } from 'mq/test';", ''));
  const other = { command: [process.execPath, 'node_modules/uvu/bin.js', '.', 'uvu.test.mjs'], cwd: folder };
  for (const file of ['uvu', 'mq']) {
    const mine = { command: [executable, 'test', `${file}.test.mjs`], cwd: folder };
    const title = `500 tests, import of ${file === 'mq' ? 'mq/test' : 'uvu'} / uvu's runner (ms; want <= 1.5)`;
    row(title, await paired(runs, mine, other), ms, ratio);
  }
}

/** Compares the start of three nodes together with the slowest of three single starts. */
async function clusterStart(): Promise<void> {
  const start = async (nodes: number): Promise<Measured> => {
    const begun = performance.now();
    await using _ = await startCluster({ nodes, image: 'mq-rabbitmq:4.3', owner: process.pid });
    return { seconds: (performance.now() - begun) / 1000, peak: 0 };
  };
  const single: Measured[] = [];
  for (let time = 0; time < 3; time += 1) single.push(await start(1));
  const slowest = single.reduce((a, b) => (a.seconds > b.seconds ? a : b));
  row('3 nodes ready / slowest single node (ms; want <= 1.5)', [[await start(3), slowest]], ms, ratio);
}

await main();
