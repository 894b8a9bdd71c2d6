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

test('mq admin export definitions does not replace rascal.json', () =>
  withManagement(async ({ place, management }) => {
    const cwd = emptyFolder({ 'rascal.json': '{}' });
    const env = { MQ_URL: place.url(), MQ_MANAGEMENT_URL: `http://127.0.0.1:${management.port}` };
    const { status, stderr } = await runCli(['admin', 'export', 'definitions', './rascal.json'], { cwd, env });
    assert.is(status, 64);
    assert.match(stderr, /export definitions would change rascal\.json, which this command reads \[USAGE\]/);
    assert.is(readFileSync(join(cwd, 'rascal.json'), 'utf8'), '{}');
  }));

test('a vhost that does not exist, or that the user may not use, is status 78', () =>
  withManagement(async (served) => {
    const run = runner(served, { vhosts: { shop: { queues: ['q'] } } }, { vhost: 'shop' });
    const { status, stderr } = await run(['plan', '--trust-management']);
    assert.is(status, 78);
    assert.match(stderr, /^mq plan: there is no vhost 'shop' at .*, or the user 'guest' may not use it \[TOPOLOGY\]\n/);
    await served.ask('PUT /users/planner', { body: { password: 'x', tags: 'management' } });
    const login = runner(served, plannedFile, { user: 'planner', password: 'x' });
    assert.is((await login(['plan', '--trust-management'])).status, 78, 'without a permission');
    await served.ask('PUT /permissions/%2F/planner', { body: { configure: '', write: '', read: '.*' } });
    assert.is((await login(['plan', '--trust-management'])).status, 1, 'with a permission');
    await served.ask('PUT /users/planner', { body: { password: 'x', tags: '' } });
    assert.is((await login(['plan', '--trust-management'])).status, 77, 'without the tag management');
  }));

test('vhosts of the file that are one vhost on the broker are planned once', () =>
  withManagement(async (served) => {
    const topology = { namespace: 'ns', exchanges: ['e'], queues: ['q'], bindings: ['e[k] -> q'] };
    const other = { queues: ['ns:q', 'r'] };
    const run = runner(served, { vhosts: { a: topology, b: topology, c: other } });
    const { stdout } = await run(['plan']);
    assert.match(
      stdout,
      /^the vhosts a, b and c of rascal\.json are one vhost on the broker, \/, because their address/m,
    );
    assert.match(stdout, /\n\n4 to create\n$/);
    const declared = await run(['declare']);
    assert.equal(declared.stdout.split('\n').slice(0, -2), [
      'exchange ns:e (topic)',
      'queue ns:q (classic)',
      'binding ns:e -> ns:q (k)',
      'queue r (classic)',
    ]);
    const planned = await run(['plan', '--json']);
    assert.equal(plannedLines(planned.stdout), []);
    assert.equal(JSON.parse(planned.stdout).merged, [{ vhost: '/', names: ['a', 'b', 'c'] }]);
    const differing = runner(served, {
      vhosts: { a: topology, c: { queues: { 'ns:q': { options: { maxLength: 5 } } } } },
    });
    assert.is((await differing(['plan'])).status, 78);
  }));

test('over AMQP it finds missing exchanges and queues, and writes nothing', () =>
  withManagement(async (served) => {
    await served.ask('PUT /users/reader', { body: { password: 'x', tags: '' } });
    await served.ask('PUT /permissions/%2F/reader', { body: { configure: '', write: '', read: '.*' } });
    const run = runner(served, plannedFile);
    const reader = runner(served, plannedFile, { user: 'reader', password: 'x' });
    const objects = async () => [(await served.ask('GET /queues')).body, (await served.ask('GET /exchanges')).body];
    const before = await objects();
    const all = await reader(['plan', '--amqp-only', '--json']);
    assert.equal(plannedLines(all.stdout), plannedLines((await run(['plan', '--json'])).stdout));
    assert.is(all.status, 1);
    assert.equal(await objects(), before, 'nothing was created');
    await run(['declare']);
    const channel = await served.place.channel();
    await channel.deleteQueue('audit');
    await channel.assertQueue('audit', { exclusive: true });
    await channel.deleteQueue('bill.dead');
    await channel.deleteExchange('spill');
    await channel.deleteExchange('matched');
    await channel.deleteQueue('plain');
    await channel.assertQueue('plain', { maxLength: 3 });
    const { status, stdout } = await reader(['plan', '--amqp-only', '--json']);
    assert.is(status, 1);
    assert.equal(plannedLines(stdout), [
      'create exchange spill',
      'create exchange matched',
      'blocked queue audit: exclusive',
      'create queue bill.dead',
      'blocked binding matched -> audit',
      'create binding orders -> spill',
    ]);
    const { source, notCompared } = JSON.parse(stdout) as { source: string; notCompared: string[] };
    assert.equal([source, notCompared.length], ['amqp', 4]);
    await channel.deleteQueue('audit');
    await run(['declare', '--config', join(emptyFolder({ 'r.json': JSON.stringify(withoutPlain) }), 'r.json')]);
    const none = await reader(['plan', '--amqp-only']);
    assert.equal([none.status, none.stdout.split('\n').at(-2)], [0, 'no exchange or queue is missing']);
    assert.match(none.stdout, /^not compared, because AMQP does not show it: the attributes of existing objects,/m);
  }));

test('over AMQP alone a wrong password is status 77, and a missing vhost 78', () =>
  withManagement(async (served) => {
    const run = runner(served, plannedFile, { password: 'wrong' });
    assert.is((await run(['plan', '--amqp-only'])).status, 77);
    const missing = runner(served, { vhosts: { shop: { queues: ['q'] } } }, { vhost: 'shop' });
    assert.is((await missing(['plan', '--amqp-only'])).status, 78);
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

/** The planned file without the queue that another client has declared with other arguments. */
const withoutPlain = structuredClone(plannedFile) as { vhosts: { '/': { queues: Record<string, unknown> } } };
delete withoutPlain.vhosts['/'].queues['plain'];

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
