// Tests mq test through the executable, with small test files in a folder.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable, mq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';

const right = `import { test, assert } from 'mq/test';
test('adds', () => {
  const sum: number = 1 + 2;
  assert.is(sum, 3);
});
`;
const wrong = right.replace('sum, 3', 'sum, 4');

const files = suite('a small test file');

for (const [named, manifest] of [
  ['no package.json', undefined],
  ['a package.json of type commonjs', '{"type":"commonjs"}'],
  ['a package.json of type module', '{"type":"module"}'],
] as const) {
  files(`passes with a right sum and fails with a wrong one, with ${named}`, async () => {
    const cwd = emptyFolder({
      'right.test.ts': right,
      'wrong.test.ts': wrong,
      ...(manifest !== undefined && { 'package.json': manifest }),
    });
    const good = await mq(['test', 'right.test.ts'], { cwd });
    assert.is(good.status, 0, good.stdout + good.stderr);
    assert.match(good.stdout, /^ok {3}right\.test\.ts \(1 passed, \d+ ms\)\n\n1 passed, 0 failed\n$/);
    const bad = await mq(['test'], { cwd });
    assert.is(bad.status, 1);
    assert.match(
      bad.stdout,
      /FAIL wrong\.test\.ts[\s\S]*"adds"\n[\s\S]*\+\+4[\s\S]*--3[\s\S]*\(wrong\.test\.ts:4:10\)/,
    );
    assert.match(bad.stdout, /\n1 passed, 1 failed\n$/);
    assert.is(bad.stderr, '');
  });
}

for (const [named, name, text] of [
  [
    'that uses require',
    'a.test.cjs',
    "const { test, assert } = require('mq/test');\ntest('a', () => assert.ok(true));",
  ],
  ['in JavaScript', 'a.test.js', "import { test, assert } from 'mq/test';\ntest('a', () => assert.ok(true));"],
  ['that awaits at top level', 'a.test.ts', "import { test } from 'mq/test';\nawait null;\ntest('a', () => {});"],
  [
    'that imports plain uvu',
    'a.test.ts',
    "import { test } from 'uvu';\nimport * as assert from 'uvu/assert';\ntest('a', () => assert.ok(1));\ntest.run();",
  ],
  ['with a suite', 'a.test.ts', "import { suite } from 'mq/test';\nsuite('s')('a', () => {});"],
  [
    'that imports another file of the user',
    'a.test.ts',
    "import { test, assert } from 'mq/test';\nimport { two } from './two.ts';\ntest('a', () => assert.is(two, 2));",
  ],
  ...["import { two } from './two';", "import { two } from './two.js';", "import two from './two.json';"].map(
    (line) =>
      [
        `with ${line}`,
        'a.test.ts',
        `import { test, assert } from 'mq/test';\n${line}\ntest('a', () => assert.is(two, 2));`,
      ] as const,
  ),
  [
    'that requires a .ts file by its .js name',
    'a.test.cjs',
    "const { test, assert } = require('mq/test');\ntest('a', () => assert.is(require('./two.js').two, 2));",
  ],
] as const) {
  files(`runs a file ${named}`, async () => {
    const cwd = emptyFolder({ [name]: text, 'two.ts': 'export const two: number = 2;', 'two.json': '2' });
    const { status, stdout, stderr } = await mq(['test'], { cwd });
    assert.is(status, 0, stdout + stderr);
    assert.match(stdout, /1 passed, 0 failed\n$/);
  });
}

for (const [named, name, text, place] of [
  ['a module', 'a.test.mjs', "import { test } from 'mq/test';\nexport const a = 1,\n  b = ;", '3:7'],
  ['a file in JavaScript', 'a.test.js', "import { test } from 'mq/test';\n\nawait 1;\nlet a;\nlet a;", '5:5'],
  ['types', 'a.test.ts', "import { test } from 'mq/test';\nconst = 3;", '2:7'],
  ['stripped types', 'a.test.ts', "import { test } from 'mq/test';\nlet a: number;\nlet a: string;", '3:5'],
  ['what it imports', 'a.test.ts', "import { test } from 'mq/test';\nimport { a } from './two.ts';", 'two.ts:2:18'],
] as const) {
  files(`reports file and line of a syntax error in ${named}`, async () => {
    const cwd = emptyFolder({ [name]: text, 'two.ts': 'export const two = 2;\nexport default 1 2;' });
    const { status, stdout } = await mq(['test'], { cwd });
    assert.is(status, 1);
    const at = place.includes('ts') ? place : `${name}:${place}`;
    assert.ok(stdout.includes(`\n      at ${at}\n`), stdout);
  });
}

for (const [named, text, report] of [
  ['a syntax error', 'const = 3;', /cannot load a\.test\.ts: .*a\.test\.ts:1:/],
  ['an enum', 'enum Colour { Red }\nexport { Colour };', /cannot load a\.test\.ts: [\s\S]*hint: mq only strips types/],
  ['an import of a name that mq/test does not have', "import { nothing } from 'mq/test';", /export named 'nothing'/],
  ['an import of a missing package', "import 'left-pad';", /Cannot find package 'left-pad'/],
  ['a throw outside tests', "throw new Error('not today');", /not today \(.*a\.test\.ts:1:7\)/],
] as const) {
  files(`fails and reports ${named}`, async () => {
    const { status, stdout } = await mq(['test'], { cwd: emptyFolder({ 'a.test.ts': text }) });
    assert.is(status, 1);
    assert.match(stdout, report);
    assert.match(stdout, /\n0 passed, 1 failed\n$/);
  });
}

files('compiled code is cached if the cache is enabled and writable', async () => {
  const cwd = emptyFolder({ 'a.test.ts': right });
  const cache = emptyFolder();
  // Code of temporary files is not cached. With another TMPDIR this file is not temporary.
  const elsewhere = { TMPDIR: cache, TEMP: cache };
  for (const [env, kept] of [
    [{ XDG_CACHE_HOME: cache }, false],
    [{ ...elsewhere, XDG_CACHE_HOME: cache, NODE_DISABLE_COMPILE_CACHE: '1' }, false],
    [{ ...elsewhere, XDG_CACHE_HOME: join(cwd, 'a.test.ts') }, false],
    [{ ...elsewhere, XDG_CACHE_HOME: cache }, true],
  ] as const) {
    const { status, stdout, stderr } = await mq(['test'], { cwd, env });
    assert.equal([status, stderr], [0, ''], stdout);
    assert.is(existsSync(join(cache, 'mq')), kept);
  }
});

files('FORCE_COLOR adds no output of uvu to the output of a file', async () => {
  const text = `import { test } from 'uvu';
test('a', () => {});
test('b', () => { console.log('• mine'); throw new Error('no'); });
test.run();
`;
  const { stdout } = await mq(['test'], { cwd: emptyFolder({ 'a.test.js': text }), env: { FORCE_COLOR: '1' } });
  assert.match(stdout, /\n {2}output:\n {4}• mine\n\n/);
});

files.run();

const choice = suite('which tests run');

choice('mq test ignores node_modules, dist and folders with a dot', async () => {
  const cwd = emptyFolder({ 'a.test.ts': right, 'b.ts': wrong });
  for (const folder of ['node_modules', 'dist', '.cache']) {
    const { mkdirSync } = await import('node:fs');
    mkdirSync(join(cwd, folder));
    writeFileSync(join(cwd, folder, 'x.test.ts'), wrong);
  }
  const { status, stdout } = await mq(['test'], { cwd });
  assert.is(status, 0, stdout);
});

choice('--filter selects tests by their names', async () => {
  const two = `${right}test('another', () => { throw new Error('no'); });`;
  const { status, stdout } = await mq(['test', '--filter', 'ADD'], { cwd: emptyFolder({ 'a.test.ts': two }) });
  assert.is(status, 0, stdout);
  assert.match(stdout, /1 passed, 0 failed\n$/);
});

choice('a run without a test does not pass', async () => {
  const { status, stdout } = await mq(['test', '--filter', 'nobody'], { cwd: emptyFolder({ 'a.test.ts': right }) });
  assert.is(status, 1);
  assert.match(stdout, /\n0 passed, 0 failed\n$/);
});

choice('every file is in exactly one shard', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.test.ts`);
  const cwd = emptyFolder(Object.fromEntries(names.map((name) => [name, right])));
  const seen: string[] = [];
  for (const part of [1, 2, 3]) {
    const { stdout } = await mq(['test', '--shard', `${part}/3`], { cwd });
    seen.push(...(stdout.match(/\w\.test\.ts/g) ?? []));
  }
  assert.equal(seen.sort(), names);
});

choice('--bail runs no file after a failed one', async () => {
  const cwd = emptyFolder({ 'a.test.ts': wrong, 'b.test.ts': wrong, 'c.test.ts': wrong });
  const { status, stdout } = await mq(['test', '--bail', '--jobs', '1'], { cwd });
  assert.is(status, 1);
  assert.match(stdout, /\n0 passed, 1 failed\n$/);
});

choice('--bail runs no further test of the file but its after hooks', async () => {
  const cwd = emptyFolder({
    'a.test.ts': `import { suite } from 'mq/test';
const stock = suite('stock');
stock.before.each(() => console.log('before each'));
stock.after.each(() => console.log('after each'));
stock.after(() => console.log('after'));
stock('first', () => {});
stock('second', () => { throw new Error('no'); });
stock('third', () => console.log('third'));
suite('other')('fourth', () => console.log('fourth'));
`,
  });
  const { status, stdout } = await mq(['test', '--bail'], { cwd });
  assert.is(status, 1);
  assert.match(
    stdout,
    /skipped "stock: third": an earlier test failed \(--bail\)\n.*skipped "other: fourth": an earlier test/,
  );
  assert.match(stdout, / {2}output:\n {4}before each\n {4}after each\n {4}before each\n {4}after each\n {4}after\n\n/);
  assert.match(stdout, /\n1 passed, 1 failed, 2 skipped\n$/);
});

choice('many tests that are skipped for one reason share one line', async () => {
  const many = `import { test } from 'mq/test';
for (let i = 0; i < 9; i++) test('t' + i, () => {});
test.only('this', () => {});
`;
  const { status, stdout } = await mq(['test'], { cwd: emptyFolder({ 'a.test.ts': many }) });
  assert.is(status, 0, stdout);
  assert.match(stdout, /\n {7}skipped 9 tests: another test has \.only\n\n1 passed, 0 failed, 9 skipped\n$/);
});

choice('a failure shows the end of long output', async () => {
  const text = `import { test } from 'mq/test';
test('much', () => { for (let i = 0; i < 2000; i++) console.log(i, 'x'.repeat(1000)); throw new Error('no'); });`;
  const { status, stdout } = await mq(['test'], { cwd: emptyFolder({ 'a.test.ts': text }) });
  assert.is(status, 1);
  assert.ok(stdout.length < 300_000, String(stdout.length));
  assert.match(stdout, /\n {2}output:\n {4}\(\d+ characters left out\)\n {4}\d+ x+\n[\s\S]*\n {4}1999 x+\n/);
});

choice('the same --seed results in the same order', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.test.ts`);
  const cwd = emptyFolder(Object.fromEntries(names.map((name) => [name, right])));
  const order = async () => {
    const { stdout } = await mq(['test', '--seed', '3', '--jobs', '1'], { cwd });
    return stdout.match(/\w\.test\.ts/g)?.join(' ');
  };
  const first = await order();
  assert.is(await order(), first);
  assert.is.not(first, names.join(' '));
});

choice('--watch runs the tests again when a file changes', async () => {
  const cwd = emptyFolder({ 'a.test.ts': wrong });
  const running = startMq(['test', '--watch'], { cwd });
  await running.prints(/0 passed, 1 failed\n/);
  await running.prints(/\nwatching .* for changes; Ctrl-C ends it\n/, 'stderr');
  writeFileSync(join(cwd, 'a.test.ts'), right);
  await running.prints(/1 passed, 0 failed\n/);
  assert.match(running.stderr(), /a\.test\.ts has changed/);
  assert.is((await running.stop()).status, 0);
});

choice('a change of a test file stops the run of --watch', async () => {
  const long = `
import { writeFileSync } from 'node:fs';
import { test } from 'mq/test';
test('long', () => {
  writeFileSync('.started', '');
  return new Promise((resolve) => setTimeout(resolve, 60_000));
});`;
  const cwd = emptyFolder({ 'a.test.ts': long });
  const running = startMq(['test', '--watch', '--chaos', '--timeout', '1m'], { cwd });
  await until('the test runs', () => existsSync(join(cwd, '.started')));
  writeFileSync(join(cwd, 'a.test.ts'), right);
  await running.prints(/interrupted by a change of a\.test\.ts\n[\s\S]*1 passed, 0 failed\n/);
  assert.match(running.stderr(), /a\.test\.ts has changed/);
  assert.is((await running.stop()).status, 0);
});

choice('--watch does not run again because of its own output', async () => {
  const cwd = emptyFolder({ 'a.test.ts': right });
  const [out, err] = ['out.txt', 'err.txt'].map((name) => join(cwd, name)) as [string, string];
  const child = spawn(executable, ['test', '--watch'], {
    cwd,
    stdio: ['ignore', openSync(out, 'w'), openSync(err, 'w')],
  });
  const says = (pattern: RegExp) => until(String(pattern), () => pattern.test(readFileSync(err, 'utf8')));
  try {
    await says(/watching/);
    for (const name of ['b', 'c']) {
      writeFileSync(join(cwd, `${name}.test.ts`), right);
      // The outputs of the run before would cause a run before this one.
      await says(new RegExp(`${name}\\.test\\.ts has changed\n\nwatching`));
    }
    assert.not.match(readFileSync(err, 'utf8'), /txt has changed/);
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});

choice('SIGINT ends the run with 130', async () => {
  const cwd = emptyFolder({
    'a.test.ts': "import { test } from 'mq/test';\ntest('long', () => new Promise((r) => setTimeout(r, 60_000)));",
  });
  const running = startMq(['test', '--report', 'json'], { cwd });
  await running.prints(/"start"|start/);
  running.kill('SIGINT');
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 130, stdout + stderr);
});

choice.run();
