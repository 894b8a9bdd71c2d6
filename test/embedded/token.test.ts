// Renews the token of a role on the embedded broker, whose users may have tokens.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, type RunningMq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';

const permissions = [{ user: 'app', vhost: '/', configure: '.*', write: '.*', read: '.*' }];
/** The first word is the password of the user. */
const words = ['t0ken-canary-1', 't0ken-canary-2'];
const numbered = 'n=$(cat count 2>/dev/null || echo 0); echo $((n + 1)) > count';
/** Prints the password at the first, third, … call, and another word at the others. Each is valid for 2 s. */
const command = `${numbered}; printf '{"access_token":"t0ken-canary-%s","expires_in":2}' $((n % 2 + 1))`;

async function withWorker(
  { isChecked }: { isChecked: boolean },
  use: (worker: RunningMq, env: Readonly<Record<string, string>>) => Promise<void>,
): Promise<void> {
  const user = { name: 'app', password_env: 'APP_PASSWORD', ...(isChecked && { token: true }) };
  const cwd = emptyFolder({ 'users.json': JSON.stringify({ users: [user], permissions }) });
  const broker = startMq(['broker', '--port', '0', '--users', 'users.json', '--json'], {
    cwd,
    env: { APP_PASSWORD: String(words[0]) },
  });
  try {
    const { url } = JSON.parse(await broker.prints(/\n/)) as { url: string };
    const env = { MQ_URL: url };
    const worker = startMq(['worker', '--json', '--log-level', 'debug', '--token-command', command], { env });
    await worker.prints(/waiting for messages/, 'stderr');
    await use(worker, env);
    const { status, stdout, stderr } = await worker.stop();
    assert.is(status, 0, stderr);
    assert.not.match(stdout + stderr, /canary/);
  } finally {
    await broker.stop();
  }
}

test('renews the token on the open connection again and again', () =>
  withWorker({ isChecked: false }, async (worker) => {
    await until(
      'three renewals',
      () => (worker.stderr().match(/renewed the token of --token-command/g) ?? []).length >= 3,
    );
    assert.not.match(worker.stderr(), /connected again/);
  }));

test('connects again with a new token if the broker refuses one', () =>
  withWorker({ isChecked: true }, async (worker, env) => {
    await worker.prints(/the broker did not accept a new token on an open connection/, 'stderr');
    await worker.prints(/connected again/, 'stderr');
    const sent = startMq(['task', 'after the reconnect'], { env: { ...env, MQ_TOKEN: String(words[0]) } });
    assert.is((await sent.ended).status, 0);
    await worker.prints(/after the reconnect/);
  }));

test.run();
