// mq check resolves the paths of handlers against the folder of rascal.json, and reports missing files.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';

const env = { PATH: process.env['PATH'] ?? '' };
const topology = { vhosts: { '/': { queues: ['jobs'] } }, subscriptions: { jobs: { queue: 'jobs' } } };

/** Makes a folder with app/rascal.json, whose only role has this handler. */
function folderWith(handler: object, files: Readonly<Record<string, string>> = {}): string {
  const cwd = emptyFolder();
  mkdirSync(join(cwd, 'app'));
  const rascal = { ...topology, mq: { roles: { job: { consume: 'jobs', handler } } } };
  const inApp = { ...files, 'rascal.json': JSON.stringify(rascal) };
  for (const [name, text] of Object.entries(inApp)) writeFileSync(join(cwd, 'app', name), text, { mode: 0o755 });
  return cwd;
}

const script = '#!/bin/sh\nexit 0\n';

for (const [handler, field] of [
  [{ exec: ['./job.sh'] }, 'exec[0]'],
  [{ execLines: ['no-such-program'] }, 'execLines[0]'],
  [{ exec: ['sh', 'job.sh'] }, 'exec[1]'],
  [{ module: 'job.ts' }, 'module'],
] as const) {
  test(`mq check finds that ${JSON.stringify(handler)} is missing`, async () => {
    const cwd = folderWith(handler);
    const { status, stdout } = await runCli(['check', '--json', 'app/rascal.json'], { cwd, env });
    assert.is(status, 78);
    const { code, path } = JSON.parse(stdout.split('\n')[0] ?? '');
    assert.equal([code, path], ['missing-file', `mq.roles.job.handler.${field}`]);
  });
}

for (const handler of [{ exec: ['./job.sh'] }, { exec: ['sh', 'job.sh'] }, { module: 'job.ts' }]) {
  test(`mq check finds ${JSON.stringify(handler)} in the folder of the file`, async () => {
    const cwd = folderWith(handler, { 'job.sh': script, 'job.ts': 'export default () => {};\n' });
    assert.is((await runCli(['check', 'app/rascal.json'], { cwd, env })).status, 0);
  });
}

for (const [handler, field] of [
  [{ exec: ['true'], batch: 5 }, 'batch'],
  [{ module: 'job.ts', cleanEnv: true }, 'cleanEnv'],
  [{ module: 'job.ts', recycleAfter: 5 }, 'recycleAfter'],
  [{ execLines: ['true'], recycleAfter: '5 apples' }, 'recycleAfter'],
] as const) {
  test(`mq check refuses ${field} in ${JSON.stringify(handler)}`, async () => {
    const cwd = folderWith(handler, { 'job.ts': 'export default () => {};\n' });
    const { stdout } = await runCli(['check', '--json', 'app/rascal.json'], { cwd, env });
    const { code, path } = JSON.parse(stdout.split('\n')[0] ?? '');
    assert.equal([code, path], ['value', `mq.roles.job.handler.${field}`]);
  });
}

test('mq check accepts all fields of a handler for lines', async () => {
  const handler = {
    ...{ execLines: ['cat'], batch: 10, batchWait: '500ms', recycleAfter: '512MB', timeout: '5m' },
    ...{ env: { STAGE: 'test' }, passEnv: ['AWS_*'], cleanEnv: true },
  };
  assert.is((await runCli(['check', 'app/rascal.json'], { cwd: folderWith(handler), env })).status, 0);
});

test.run();
