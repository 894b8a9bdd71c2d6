// A named connection leads commands to all nodes of a broker, with a password that only the environment contains.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objects } from '../support/cli.ts';
import { emptyFolder, mq } from '../support/mq.ts';
import { testVhost } from '../support/vhost.ts';

const vhost = await testVhost();
test.after(() => vhost.remove());

/** Returns the addresses without their password, and the password. */
function split(urls: readonly string[]): { urls: string; password: string } {
  const all = urls.map((url) => new URL(url));
  const password = all[0]?.password ?? '';
  for (const url of all) url.password = '';
  return { urls: all.map(({ href }) => href.replace(/\/$/, '')).join(','), password: decodeURIComponent(password) };
}

test('commands use the nodes and the vhost of a named connection', async () => {
  const { urls, password } = split(vhost.urls);
  const management = split(vhost.managementUrls);
  const cwd = emptyFolder();
  const env = { XDG_CONFIG_HOME: cwd, LAB_PASSWORD: password, LAB_MANAGEMENT: management.password };
  const references = ['--password-env', 'LAB_PASSWORD', '--management-password-env', 'LAB_MANAGEMENT'];
  const run = async (...args: string[]) => {
    const result = await mq(args, { cwd, env });
    assert.is(result.status, 0, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
    return result;
  };
  await run('connection', 'add', 'lab', '--url', urls, '--management-url', management.urls, ...references);
  const report = objects(await run('connection', 'test', 'lab', '--json'));
  assert.equal(
    report.map(({ check, ok }) => [check, ok]),
    [...vhost.urls.map(() => ['amqp', true]), ['management', true], ['permissions', true]],
  );
  assert.is(report.at(-1)?.['at'], `vhost ${vhost.name}`);
  await run('--connection', 'lab', 'task', 'through a name');
  const { stdout } = await run('worker', '--connection', 'lab', '--until-empty');
  assert.is(stdout, 'through a name\n');
});

test.run();
