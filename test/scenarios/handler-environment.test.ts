// Tests the environment variables of a handler.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const env = { DATABASE_URL: 'postgres://db', APP_ENV: 'test', MQ_PASSWORD: 'canary' };
const print = 'echo "$DATABASE_URL|$APP_ENV|$MQ_URL$MQ_PASSWORD|$STAGE"';

async function printed(options: readonly string[], files: Readonly<Record<string, string>> = {}, role = 'worker') {
  await roles.run(['task', 'any']);
  const { status, stdout, stderr } = await roles.run([role, '--count', '1', ...options], {
    cwd: emptyFolder(files),
    env,
  });
  assert.is(status, 0, stderr);
  return { said: lines(stdout), stderr };
}

test('a handler inherits the environment without secrets of mq', async () => {
  const { said } = await printed(['--exec', 'sh', '-c', print]);
  assert.equal(said, ['postgres://db|test||']);
});

test('--clean-env passes only what --pass-env lists', async () => {
  const { said } = await printed(['--clean-env', '--pass-env', 'APP_*,HOME', '--exec', 'sh', '-c', print]);
  assert.equal(said, ['|test||']);
});

test('an unset variable of --pass-env is a warning', async () => {
  const { stderr } = await printed(['--pass-env', 'APP_ENV,NOT_SET', '--pass-env', 'GCP_*', '--exec', 'true']);
  assert.match(stderr, /the handler does not receive NOT_SET, GCP_\*: not set in the environment of mq/);
});

test('rascal.json sets variables and a clean environment for a handler', async () => {
  const handler = {
    exec: ['sh', '-c', print],
    env: { STAGE: '${APP_ENV}-2' },
    passEnv: ['DATABASE_URL'],
    cleanEnv: true,
  };
  const rascal = { mq: { roles: { jobs: { consume: 'task', handler } } } };
  const files = { 'rascal.json': JSON.stringify(rascal) };
  const { said } = await printed([], files, 'jobs');
  assert.equal(said, ['postgres://db|||test-2']);
});

test.run();
