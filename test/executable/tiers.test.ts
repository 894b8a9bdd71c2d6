// Tests test/run.ts, which runs the tests of this project with `mq test`. It must not hide a failure, and its last line
// must contain the totals.

import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable } from '../support/mq.ts';
import { node } from '../support/node.ts';

const root = resolve(import.meta.dirname, '../..');
const isWindows = process.platform === 'win32';
const good = 'test/unit/harness/order.test.ts';
const tiers = suite('the tiers');

tiers('add up the totals of each run of mq test', async () => {
  const { status, lines } = await run(good, 'test/unit/errors.test.ts', 'test/must-fail/assertion.ts');
  const each = lines
    .filter((line) => /^\d+ passed, \d+ failed$/.test(line))
    .map((line) => line.split(/\D+/).map(Number));
  assert.is(each.length, 3);
  const [[, files = 0] = [], [unit = 0] = [], [passed, failed] = []] = each;
  assert.equal([passed, failed], [unit, files]);
  assert.is(failed, 1);
  assert.is(status, 1);
});

tiers('pass if all tests pass', async () => {
  const { status, lines } = await run(good);
  assert.is(lines.at(-1), '3 passed, 0 failed');
  assert.is(status, 0);
});

tiers('do not pass if no test matches the filter', async () => {
  const { status, lines } = await run(good, '--filter', 'no such title');
  assert.is(lines.at(-1), '0 passed, 0 failed');
  assert.is(status, 1);
});

for (const [named, text] of [
  ['ends with status 0 and without a result', 'exit 0'],
  ['reports success and ends with another status', `"${executable}" "$@"; exit 3`],
] as const) {
  tiers(`fail if mq test ${named}`, async () => {
    if (isWindows) return;
    const broken = join(emptyFolder(), 'mq');
    writeFileSync(broken, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    const { status, lines } = await run(good, { MQ_EXECUTABLE: broken });
    assert.match(lines.at(-1) ?? '', /, 1 failed$/);
    assert.is(status, 1);
  });
}

tiers('fail in CI without the image, and are skipped elsewhere', async () => {
  const args = ['faults', 'test/faults/cluster/short.test.ts', '--version', 'none'];
  const inCi = await run(...args, { CI: 'true' });
  assert.match(inCi.lines.join('\n'), /^FAIL cannot run: /m);
  assert.is(inCi.lines.at(-1), '0 passed, 1 failed');
  assert.is(inCi.status, 1);
  const elsewhere = await run(...args, { CI: '' });
  assert.is(elsewhere.lines.at(-1), '0 passed, 0 failed, 1 skipped');
  assert.is(elsewhere.status, 1);
});

tiers('print the output of batches that run at once one after the other', async () => {
  const node = 'test/cluster/ha.test.ts';
  const { lines } = await run('unit', 'cluster', good, node, '--version', 'none', { CI: '' });
  const at = lines.indexOf('unit');
  assert.match(lines[at + 1] ?? '', /^ok {3}test\/unit\/harness\/order\.test\.ts /);
  assert.is(lines[at + 2], '3 passed, 0 failed');
  assert.match(lines[lines.indexOf('cluster, RabbitMQ none') + 1] ?? '', /^skip 1 files: /);
  assert.is(lines.at(-1), '3 passed, 0 failed, 1 skipped');
});

tiers('begin without waiting for --setup if they need nothing from it', async () => {
  if (isWindows) return;
  const folder = emptyFolder();
  const write = (name: string, text: string) =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  // The setup ends when the unit tests have begun.
  write('setup', `read -r line <${pipe}; echo ready`);
  write('mq', `echo >${pipe}; exec ${executable} "$@"`);
  const args = ['unit', 'cluster', good, 'test/cluster/ha.test.ts', '--version', 'none'];
  const { lines } = await run(...args, '--setup', join(folder, 'setup'), { CI: '', MQ_EXECUTABLE: join(folder, 'mq') });
  assert.is(lines.at(-1), '3 passed, 0 failed, 1 skipped');
  const [ready, begins] = ['ready', 'begins: cluster, RabbitMQ none'].map((line) => lines.indexOf(line));
  assert.ok(Number(ready) >= 0 && Number(ready) < Number(begins), lines.join('\n'));
});

tiers('fail if the program of --setup fails', async () => {
  if (isWindows) return;
  const setup = join(emptyFolder(), 'setup');
  writeFileSync(setup, '#!/bin/sh\nexit 3\n', { mode: 0o755 });
  const args = ['unit', 'cluster', good, 'test/cluster/ha.test.ts', '--version', 'none', '--setup', setup];
  const { status, lines } = await run(...args, { CI: '' });
  assert.ok(lines.includes(`FAIL cannot run: ${setup} ended with 3`), lines.join('\n'));
  assert.is(lines.at(-1), '3 passed, 1 failed');
  assert.is(status, 1);
});

tiers.run();

async function run(...args: (string | Record<string, string>)[]): Promise<{ status: number; lines: string[] }> {
  const words = args.filter((arg) => typeof arg === 'string');
  const env = Object.assign({ ...process.env }, ...args.filter((arg) => typeof arg === 'object'));
  return new Promise((done) => {
    const child = execFile(node, ['test/run.ts', ...words], { cwd: root, env }, (_, stdout) => {
      done({ status: child.exitCode ?? -1, lines: stdout.split('\n').filter(Boolean) });
    });
  });
}
