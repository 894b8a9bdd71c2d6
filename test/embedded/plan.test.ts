// Checks the requests of mq plan on the embedded broker, its statuses, and plans against exported definitions.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { type Served, withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';
import { plannedFile, plannedLines, quorum } from '../support/plan.ts';
import { withRecorder } from '../support/recorder.ts';

test('exported definitions give the same plan as the broker, without counts', () =>
  withManagement(async (served) => {
    const cwd = emptyFolder();
    const run = runner(served, plannedFile, { cwd });
    await run(['declare']);
    const channel = await served.place.channel();
    await channel.deleteQueue('plain');
    await channel.assertQueue('plain', { maxLength: 3 });
    await channel.deleteQueue('bill.dead');
    await run(['admin', 'export', 'definitions', 'definitions.json']);
    const live = await run(['plan', '--json']);
    const exported = await run(['plan', '--json', '--against', 'definitions.json']);
    assert.is(exported.status, 1);
    assert.equal(plannedLines(exported.stdout), plannedLines(live.stdout));
    assert.is(JSON.parse(live.stdout).differences[0].risk.messages, 0);
    assert.is(JSON.parse(exported.stdout).differences[0].risk.messages, undefined);
    const { status, stdout } = await run(['plan', '--markdown', '--out', 'plan.md', '--against', 'definitions.json']);
    assert.equal([status, stdout], [1, '']);
    assert.match(readFileSync(join(cwd, 'plan.md'), 'utf8'), /^### Topology: 1 to create, 1 to replace\n/);
  }));

test('a vhost that does not exist, or that the user may not use, is status 78', () =>
  withManagement(async (served) => {
    const run = runner(served, { vhosts: { shop: { queues: ['q'] } } }, { vhost: 'shop' });
    const { status, stderr } = await run(['plan', '--trust-management']);
    assert.is(status, 78);
    assert.match(stderr, /^mq plan: there is no vhost 'shop' at .*, or the user 'guest' may not use it \[TOPOLOGY\]\n/);
  }));

test('a wrong password is status 77', () =>
  withManagement(async (served) => {
    const run = runner(served, plannedFile, { user: 'guest', password: 'wrong' });
    assert.is((await run(['plan', '--trust-management'])).status, 77);
  }));

test('500 queues and 2,000 bindings need four requests', () =>
  withManagement(async (served) => {
    const queues = Object.fromEntries(
      Array.from({ length: 500 }, (_, at) => [`q${at}`, { options: { arguments: { 'x-queue-type': 'classic' } } }]),
    );
    const bindings = Array.from({ length: 2000 }, (_, at) => `e[k${at}] -> q${at % 500}`);
    const content = { vhosts: { '/': { exchanges: { e: { type: 'topic' } }, queues, bindings } } };
    const run = runner(served, content);
    assert.is((await run(['declare'])).status, 0);
    await served.ask('DELETE /queues/%2F/q499');
    const managementUrl = `http://127.0.0.1:${served.management.port}`;
    await withRecorder({ url: served.place.url(), managementUrl }, async (recorder) => {
      const planned = runner(served, content, { management: recorder.managementUrl });
      const { stdout } = await planned(['plan', '--json', '--trust-management']);
      assert.is(plannedLines(stdout).length, 5); // the queue and its four bindings
      assert.equal(
        recorder.requests.toSorted(),
        ['exchanges', 'queues', 'bindings', 'policies'].map((one) => `GET /api/${one}/%2F`).toSorted(),
      );
    });
  }));

test('mq init --from writes a rascal.json whose plan has nothing to do', () =>
  withManagement(async (served) => {
    const channel = await served.place.channel();
    await channel.assertExchange('e', 'headers', { durable: false, autoDelete: true });
    await channel.assertExchange('inner', 'fanout', { internal: true, alternateExchange: 'amq.fanout' });
    await channel.assertQueue('a|b c', { arguments: { 'x-max-length': 5, 'x-team': 'a' } });
    await channel.assertQueue('brief', { durable: false, autoDelete: true });
    await channel.assertQueue('safe', { arguments: quorum });
    await channel.assertQueue('mine', { exclusive: true });
    const { queue: unnamed } = await channel.assertQueue('', { exclusive: false });
    for (const queue of ['a|b c', 'mine', unnamed]) await channel.bindQueue(queue, 'amq.topic', '');
    await channel.bindQueue('safe', 'e', 'k', { 'x-match': 'all', n: 1, flag: true });
    await channel.bindExchange('inner', 'e', '#');
    const cwd = emptyFolder();
    const run = runner(served, {}, { cwd });
    const source = served.place.url({});
    assert.is((await run(['init', '--from', source, '--config', 'live.json'])).status, 0);
    await run(['admin', 'export', 'definitions', 'd.json']);
    assert.is((await run(['init', '--from', 'd.json', '--config', 'exported.json'])).status, 0);
    for (const [file, ...more] of [['live.json'], ['exported.json', '--against', 'd.json']] as const) {
      const { status, stdout } = await run(['plan', '--config', file, ...more]);
      assert.is(status, 0, stdout);
      assert.is((await run(['check', file])).status, 0);
    }
    const content = readFileSync(join(cwd, 'live.json'), 'utf8');
    assert.not.match(content, /guest|mine|amq\.gen/);
    const { vhosts } = JSON.parse(content) as { vhosts: Record<string, { exchanges: object; queues: object }> };
    assert.equal(Object.keys(vhosts['/']?.exchanges ?? {}).toSorted(), ['amq.topic', 'e', 'inner']);
    assert.equal(Object.keys(vhosts['/']?.queues ?? {}).toSorted(), ['a|b c', 'brief', 'safe']);
  }));

interface Login {
  readonly cwd?: string;
  readonly user?: string;
  readonly password?: string;
  readonly vhost?: string;
  /** Address of a management API in front of that of the broker. */
  readonly management?: string;
}

/** Returns a function that runs mq with this rascal.json on the broker. */
function runner({ place, management }: Served, content: unknown, login: Login = {}) {
  const { cwd = emptyFolder(), user = 'guest', password = 'guest', vhost = '/' } = login;
  const config = emptyFolder({ 'rascal.json': JSON.stringify(content) });
  const env = {
    MQ_CONFIG: join(config, 'rascal.json'),
    MQ_URL: place.url({ user, password, vhost }),
    MQ_MANAGEMENT_URL: login.management ?? `http://127.0.0.1:${management.port}`,
  };
  return (args: readonly string[]) => runCli(args, { cwd, env });
}

test.run();
