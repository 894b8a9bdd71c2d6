// Every file of test/fails fails under `mq test` as well, for its reason: the test is named, and why it failed.

import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type MqResult, mq } from '../support/mq.ts';

const root = resolve(import.meta.dirname, '../..');

/** File → what failed, and why; both have to be in the report, in this order. */
const reasons: Readonly<Record<string, readonly [what: string, why: string, closing: string]>> = {
  'after-each-throws.ts': ['after.each hook of "runs all the same"', 'cannot tidy up', '1 passed, 3 failed'],
  'after-throws.ts': ['the suite without a name, after hook', 'cannot close up', '1 passed, 1 failed'],
  'assertion.ts': ['"compares"', '++··"a":·2', '0 passed, 1 failed'],
  'before-each-throws.ts': ['before.each hook of "is never reached"', 'no clean slate', '0 passed, 2 failed'],
  'before-throws.ts': ['the suite "stock", before hook', 'no stock today', '0 passed, 2 failed'],
  'blocks.ts': ['"spins for ever"', 'the process was silent for 3000 ms and was ended', '0 passed, 1 failed'],
  'empty-suite.ts': ['the suite "empty"', '.run() was called, but it has no test', '1 passed, 1 failed'],
  'error-code.ts': ['"meets no broker"', 'no broker answers [UNAVAILABLE]', '0 passed, 1 failed'],
  'exit-code.ts': ['the file', 'the process exited with status 3', '1 passed, 1 failed'],
  'exits-in-after.ts': ['the file', 'did not end: the process exited with status 0', '1 passed, 1 failed'],
  'exits-while-loading.ts': ['loading the file', 'the process exited with status 0', '0 passed, 1 failed'],
  'exits.ts': ['"leaves early"', 'did not end: the process exited with status 0', '0 passed, 2 failed'],
  'hook-never-ends.ts': ['before hook', 'did not end within 1000 ms', '0 passed, 2 failed'],
  'late-throw.ts': ['the file', 'exception outside the test: after the end', '1 passed, 1 failed'],
  'left-open.ts': ['the file', 'still running 1000 ms after its last test; open: ', '1 passed, 1 failed'],
  'missing-export.ts': ['loading the file', "does not provide an export named 'nothing'", '0 passed, 1 failed'],
  'missing-import.ts': ['loading the file', 'Cannot find module', '0 passed, 1 failed'],
  'never-ends.ts': ['"waits for ever"', 'did not end within 1000 ms', '1 passed, 1 failed'],
  'no-test.ts': ['the file', 'has no test', '0 passed, 1 failed'],
  'output.ts': ['"speaks, then fails"', 'first words', '0 passed, 1 failed'],
  'rejection.ts': ['"forgets a promise"', 'unhandled rejection: nobody listens', '1 passed, 1 failed'],
  'run-forgotten.ts': ['the suite "forgotten"', '.run() was never called', '1 passed, 1 failed'],
  'skips-all.ts': ['skipped "needs the moon"', 'there is no moon', '0 passed, 0 failed, 2 skipped'],
  'syntax-error.mjs': ['loading the file', "Unexpected token '='", '0 passed, 1 failed'],
  'throws-null.ts': ['"throws null"', 'threw null, which is not an Error', '0 passed, 1 failed'],
  'throws-string.ts': ['"throws a string"', "threw 'just words', which is not an Error", '0 passed, 1 failed'],
  'timer-throws.ts': ['"starts a timer"', 'exception outside the test: too late', '1 passed, 1 failed'],
};

/** Those that end by a deadline. */
const waits = new Set(['blocks.ts', 'hook-never-ends.ts', 'left-open.ts', 'never-ends.ts']);

const fails = suite('mq test of test/fails');
const outcomes = new Map<string, Promise<MqResult>>();

fails.before(() => {
  // Two at a time, for most of their time they wait.
  const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  Object.keys(reasons).forEach((name, index) => {
    const options = waits.has(name) ? ['--timeout', '1'] : [];
    const outcome = (lanes[index % 2] ?? Promise.resolve()).then(() =>
      mq(['test', `test/fails/${name}`, ...options], { cwd: root, deadlineMs: 60_000 }),
    );
    lanes[index % 2] = outcome.catch(() => undefined);
    outcomes.set(name, outcome);
  });
});

for (const [name, [what, why, closing]] of Object.entries(reasons)) {
  fails(`${name} ends in 1, and the report says what failed and why`, async () => {
    const { status, stdout, stderr } = (await outcomes.get(name)) ?? { status: undefined, stdout: '', stderr: '' };
    const text = stdout + stderr;
    const at = text.indexOf(what);
    assert.ok(at >= 0, `${what} is not in: ${text}`);
    assert.ok(text.indexOf(why, at) >= 0, `${why} does not follow in: ${text}`);
    assert.is(stdout.trimEnd().split('\n').at(-1), closing);
    assert.is(status, 1);
    assert.is(stderr, '');
  });
}

fails('every file of the folder is listed here', () => {
  assert.equal(Object.keys(reasons), readdirSync(resolve(root, 'test/fails')).sort());
});

fails.run();
