// Tests that what the simulation has found does not come back.

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endingRegressions, killedReplacement, regressions } from './regressions.ts';

const root = resolve(import.meta.dirname, '../..');
const program = [join(root, 'src/build/node24.js'), join(import.meta.dirname, 'regressions-run.ts')];
let violations = new Map<string, readonly string[]>();

test.before(async () => {
  const { stdout } = await promisify(execFile)('node', program);
  violations = new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { title: string; violations: readonly string[] })
      .map((result) => [result.title, result.violations]),
  );
});

for (const { title } of [...regressions, ...endingRegressions, killedReplacement]) {
  test(title, () => {
    assert.equal(violations.get(title), []);
  });
}

test.run();
