// Checks that every file of test/must-fail fails for its own reason. The whole report of mq test is compared.

import { readdirSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mq } from '../support/mq.ts';

const root = resolve(import.meta.dirname, '../..');

/** The report of each file, without times and empty lines. */
const reports: Record<string, string> = {
  'after-each-throws.ts': `
FAIL (1 passed, 3 failed)
  "fails by itself"
    Expected values to be strictly equal:
      ++2    (Expected)
      --1    (Actual)
      at Object.handler (test/must-fail/after-each-throws.ts:8:38)
  the suite without a name, after.each hook of "fails by itself"
    cannot tidy up
      at test/must-fail/after-each-throws.ts:6:9
  the suite without a name, after.each hook of "runs all the same"
    cannot tidy up
      at test/must-fail/after-each-throws.ts:6:9
1 passed, 3 failed`,
  'after-throws.ts': `
FAIL (1 passed, 1 failed)
  the suite without a name, after hook
    cannot close up
      at test/must-fail/after-throws.ts:5:9
1 passed, 1 failed`,
  'assertion.ts': `
FAIL (0 passed, 1 failed)
  "compares"
    Expected values to be deeply equal:
      ··{
      Actual:
      --··"a":·1
      Expected:
      ++··"a":·2
      ··}
      at Object.handler (test/must-fail/assertion.ts:5:31)
0 passed, 1 failed`,
  'before-each-throws.ts': `
FAIL (0 passed, 2 failed)
  the suite without a name, before.each hook of "is never reached"
    the set-up failed
      at test/must-fail/before-each-throws.ts:5:9
  "is never reached"
    did not run
0 passed, 2 failed`,
  'before-throws.ts': `
FAIL (0 passed, 2 failed)
  the suite "stock", before hook
    no stock today
      at test/must-fail/before-throws.ts:6:9
  "stock: is never reached"
    did not run
0 passed, 2 failed`,
  'blocks.ts': `
FAIL (0 passed, 1 failed)
  "spins for ever"
    did not end: the process sent no event for 3000 ms and was killed
0 passed, 1 failed`,
  'empty-suite.ts': `
FAIL (1 passed, 1 failed)
  the suite "empty"
    has no test, but .run() was called
1 passed, 1 failed`,
  'error-code.ts': `
FAIL (0 passed, 1 failed)
  "meets no broker"
    no broker answers [UNAVAILABLE]
    hint: start one
    caused by: TypeError: refused
      at Object.handler (test/must-fail/error-code.ts:6:9)
0 passed, 1 failed`,
  'exit-code.ts': `
FAIL (1 passed, 1 failed)
  the file
    failed after its tests: the process exited with status 3
1 passed, 1 failed`,
  'exits-in-after.ts': `
FAIL (1 passed, 1 failed)
  the file
    did not end: the process exited with status 0
1 passed, 1 failed`,
  'exits-while-loading.ts': `
FAIL (0 passed, 1 failed)
  loading the file
    the process exited with status 0
0 passed, 1 failed`,
  'exits.ts': `
FAIL (0 passed, 2 failed)
  "leaves early"
    did not end: the process exited with status 0
  "is never reached"
    did not run
0 passed, 2 failed`,
  'hook-never-ends.ts': `
FAIL (0 passed, 2 failed)
  the suite without a name, before hook
    did not end within 1000 ms
  "is never reached"
    did not run
0 passed, 2 failed`,
  'late-throw.ts': `
FAIL (1 passed, 1 failed)
  the file
    exception outside the test: after the end
      at Timeout._onTimeout (test/must-fail/late-throw.ts:6:11)
1 passed, 1 failed`,
  'left-open.ts': `
FAIL (1 passed, 1 failed)
  the file
    still running 1000 ms after its last test; open: TCPServerWrap
1 passed, 1 failed`,
  'missing-export.ts': `
FAIL (0 passed, 1 failed)
  loading the file
    cannot load test/must-fail/missing-export.ts: The requested module '../../src/harness/test-file/skip.ts' does not provide an export named 'nothing' (src/harness/test-file/skip.ts) [CONFIG]
    hint: if it is a type: import { type nothing }, or import type
0 passed, 1 failed`,
  'missing-import.ts': `
FAIL (0 passed, 1 failed)
  loading the file
    cannot load test/must-fail/missing-import.ts: Cannot find module 'test/must-fail/does-not-exist.ts' imported from test/must-fail/missing-import.ts [CONFIG]
    hint: the path is relative to the importing file; mq also tries .ts and .js
0 passed, 1 failed`,
  'never-ends.ts': `
FAIL (1 passed, 1 failed)
  "waits for ever"
    did not end within 1000 ms
1 passed, 1 failed`,
  'no-test.ts': `
FAIL (0 passed, 1 failed)
  the file
    has no test
0 passed, 1 failed`,
  'output.ts': `
FAIL (0 passed, 1 failed)
  "speaks, then fails"
    and fails
      at Object.handler (test/must-fail/output.ts:6:9)
  output:
    first words
0 passed, 1 failed`,
  'rejection.ts': `
FAIL (1 passed, 1 failed)
  "forgets a promise"
    unhandled rejection: not awaited
      at Object.handler (test/must-fail/rejection.ts:5:23)
1 passed, 1 failed`,
  'run-forgotten.ts': `
FAIL (1 passed, 1 failed)
  the suite "forgotten"
    .run() was never called; tests registered: 1
1 passed, 1 failed`,
  'skips-all.ts': `
skip (0 passed, 2 skipped)
       skipped "is not written yet": test.skip
       skipped "needs a cluster": there is no cluster
every test was skipped
0 passed, 0 failed, 2 skipped`,
  'syntax-error.mjs': `
FAIL (0 passed, 1 failed)
  loading the file
    cannot load test/must-fail/syntax-error.mjs: Unexpected token '=' (test/must-fail/syntax-error.mjs:5:9) [CONFIG]
      at test/must-fail/syntax-error.mjs:5:9
0 passed, 1 failed`,
  'throws-null.ts': `
FAIL (0 passed, 1 failed)
  "throws null"
    threw null, which is not an Error
0 passed, 1 failed`,
  'throws-string.ts': `
FAIL (0 passed, 1 failed)
  "throws a string"
    threw 'just words', which is not an Error
0 passed, 1 failed`,
  'timer-throws.ts': `
FAIL (1 passed, 1 failed)
  "starts a timer"
    exception outside the test: too late
      at Timeout._onTimeout (test/must-fail/timer-throws.ts:7:13)
1 passed, 1 failed`,
};

/** Files that end at a time limit. */
const waits = new Set(['blocks.ts', 'hook-never-ends.ts', 'left-open.ts', 'never-ends.ts']);

const fails = suite('test/must-fail');
const outcomes = new Map<string, Promise<Outcome>>();

fails.before(() => {
  // Two files run at a time, because most of them wait.
  const names = Object.keys(reports);
  const lanes: [Promise<unknown>, Promise<unknown>] = [Promise.resolve(), Promise.resolve()];
  names.forEach((name, index) => {
    const outcome = (lanes[index % 2] ?? lanes[0]).then(() =>
      runner(`test/must-fail/${name}`, ...(waits.has(name) ? ['--timeout', '1'] : [])),
    );
    lanes[index % 2] = outcome.catch(() => undefined);
    outcomes.set(name, outcome);
  });
});

for (const [name, report] of Object.entries(reports)) {
  fails(`${name} fails with its reason`, async () => {
    const { status, lines } = (await outcomes.get(name)) ?? { status: undefined, lines: [] };
    assert.equal(lines, report.split('\n').slice(1));
    assert.is(status, 1);
  });
}

fails('the table lists every file of the folder', () => {
  assert.equal(Object.keys(reports), readdirSync(resolve(root, 'test/must-fail')).sort());
});

fails.run();

const passes = suite('a file that passes');
const file = 'test/unit/harness/order.test.ts';

passes('ends with one line and exit status 0', async () => {
  const { status, lines } = await runner(file);
  assert.equal(lines, ['ok   (3 passed)', '3 passed, 0 failed']);
  assert.is(status, 0);
});

passes('runs only some tests with --filter', async () => {
  const { status, lines } = await runner(file, '--filter', 'OTHER SEED');
  assert.equal(lines, ['ok   (1 passed)', '1 passed, 0 failed']);
  assert.is(status, 0);
});

passes('does not pass if no test matches the filter', async () => {
  const { status, lines } = await runner(file, '--filter', 'no such title');
  assert.equal(lines, ['no test ran', '0 passed, 0 failed']);
  assert.is(status, 1);
});

passes.run();

interface Outcome {
  readonly status: number | undefined;
  readonly lines: readonly string[];
}

/** Runs `mq test`. Its environment does not contain the variables of this test run. */
async function runner(...args: string[]): Promise<Outcome> {
  const { status, stdout, stderr } = await mq(['test', ...args], { cwd: root });
  assert.is(stderr, '');
  const lines = stdout
    .replaceAll(root + sep, '')
    .replaceAll('\\', '/')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^(FAIL|ok {2}|skip) \S+ \((.*), \d+ ms\)$/, '$1 ($2)'));
  return { status, lines };
}
