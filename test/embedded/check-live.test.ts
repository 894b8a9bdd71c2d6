// Checks the reports, statuses and requests of mq check --live on the embedded broker.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliRun, runCli } from '../support/cli.ts';
import { type Served, withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';
import { quorum } from '../support/plan.ts';

test('a broker without problems is status 0 and one line', () =>
  withManagement(async (served) => {
    const { status, stdout, stderr } = await check(served, ['--target', '4.3', '--deny-warnings']);
    assert.is(stdout, `no finding (RabbitMQ 4.3.0 at ${originOf(served)}, vhost /, rules of 4.3)\n`);
    assert.equal([status, stderr], [0, '']);
    assert.equal(await outcome(served, ['--json']), [0, '']);
  }));

test('each finding has severity, code, object, reason and advice', () =>
  withManagement(async (served) => {
    await breakObjects(served);
    const { status, stdout } = await check(served, []);
    assert.is(status, 1);
    assert.is(
      stdout,
      [
        'error    mirroring              queue copies in vhost /',
        '         x-ha-policy: RabbitMQ 4.0 removed mirrored queues; it ignores this argument and keeps the queue on',
        '         one node',
        '         instead: "durable": true, "auto_delete": false, "arguments": {"x-queue-type":"quorum"}',
        '',
        'warning  no-dead-letter-target  queue jobs in vhost /',
        '         the broker drops a message of this queue after more than 20 redeliveries',
        '         instead: add "x-delivery-limit": -1, or set a limit and x-dead-letter-exchange',
        '',
        `1 error, 1 warning (RabbitMQ 4.3.0 at ${originOf(served)}, vhost /, rules of 4.3)`,
        '',
      ].join('\n'),
    );
    assert.equal(await outcome(served, ['--report', 'github']), [
      1,
      [
        '::error title=mirroring::queue copies in vhost /: x-ha-policy: RabbitMQ 4.0 removed mirrored queues; it ignores this argument and keeps the queue on one node%0Ainstead: "durable": true, "auto_delete": false, "arguments": {"x-queue-type":"quorum"}',
        '::warning title=no-dead-letter-target::queue jobs in vhost /: the broker drops a message of this queue after more than 20 redeliveries%0Ainstead: add "x-delivery-limit": -1, or set a limit and x-dead-letter-exchange',
        '',
      ].join('\n'),
    ]);
  }));

test('warnings are status 0, and status 1 with --deny-warnings', () =>
  withManagement(async (served) => {
    await breakObjects(served);
    await served.ask('DELETE /queues/%2F/copies');
    assert.is((await check(served, [])).status, 0);
    assert.is((await check(served, ['--deny-warnings'])).status, 1);
  }));

test('--vhost checks one vhost, and one that does not exist is status 78', () =>
  withManagement(async (served) => {
    await breakObjects(served);
    await served.ask('PUT /vhosts/other', { body: {} });
    assert.equal(await outcome(served, ['--vhost', 'other', '--json']), [0, '']);
    assert.is((await check(served, ['--vhost', 'missing'])).status, 78);
  }));

test('reports that a user without the tag monitoring sees no connections', () =>
  withManagement(async (served) => {
    await served.ask('PUT /users/few', { body: { password: 'p', tags: 'management' } });
    await served.ask('PUT /permissions/%2F/few', { body: { configure: '', write: '', read: '.*' } });
    const url = new URL(originOf(served));
    Object.assign(url, { username: 'few', password: 'p' });
    const args = ['check', '--live', '--json', '--management-url', url.href];
    const { status, stdout } = await runCli(args, { cwd: emptyFolder() });
    const { code, severity, kind, name } = JSON.parse(stdout);
    assert.equal([status, code, severity, kind, name], [0, 'not-visible', 'warning', 'connections', 'of other users']);
    const text = await runCli(
      args.filter((one) => one !== '--json'),
      { cwd: emptyFolder() },
    );
    assert.match(text.stdout.replace(/\s+/g, ' '), /, all vhosts of the user few, rules of /);
  }));

test('a wrong password is status 77', () =>
  withManagement(async (served) => {
    const url = new URL(originOf(served));
    Object.assign(url, { username: 'guest', password: 'wrong' });
    const { status } = await runCli(['check', '--live', '--management-url', url.href], { cwd: emptyFolder() });
    assert.is(status, 77);
  }));

async function breakObjects({ place }: Served): Promise<void> {
  const channel = await place.channel();
  await channel.assertQueue('copies', { arguments: { 'x-ha-policy': 'all' } });
  await channel.assertQueue('jobs', { arguments: quorum });
}

async function outcome(served: Served, args: readonly string[]): Promise<[number, string]> {
  const { status, stdout } = await check(served, args);
  return [status, stdout];
}

function originOf({ management }: Served): string {
  return `http://127.0.0.1:${management.port}`;
}

function check(served: Served, args: readonly string[]): Promise<CliRun> {
  const env = { MQ_URL: served.place.url({}), MQ_MANAGEMENT_URL: originOf(served) };
  return runCli(['check', '--live', ...args], { cwd: emptyFolder(), env });
}

test.run();
