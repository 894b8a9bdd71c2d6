// Runs every action of mq admin once on RabbitMQ, and compares the results with those of rabbitmqctl in the container.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { haActions } from '../../src/admin/actions/ha.ts';
import { actions } from '../../src/admin/actions.ts';
import { adminIn } from '../support/admin.ts';
import { objects, runCli } from '../support/cli.ts';
import { emptyFolder } from '../support/mq.ts';
import { byName, found, plain, rabbitmqctl, sortedJson, type Thing } from '../support/rabbitmqctl.ts';
import { until } from '../support/until.ts';
import { type TestBroker, testVhost } from '../support/vhost.ts';

const vhost = await testVhost();
const cluster = await vhost.cluster();
const { ctl, exec, statusOf, definitions } = rabbitmqctl(cluster);
const described = JSON.parse(process.env['MQ_TEST_BROKER'] ?? '{}') as TestBroker;
const env = { MQ_MANAGEMENT_URL: described.managementUrls.join(','), MQ_NEW_PASSWORD: 'n3w päss/word%' };
const isOld = cluster.version.startsWith('4.0');
/** Names that a path must encode. Vhosts are ASCII, because RabbitMQ answers 500 or truncated JSON for others. */
const hard = `/%?#&+;..; ${randomUUID()}`;
const foreign = `漢字 ü 😀 ${randomUUID()}`;
const user = `anna ${hard}`;
const shop = `shop ${hard}`;
const long = 'q'.repeat(255);
const { admin, tried, shows, run } = adminIn(shop, env);

test.after(async () => {
  await runCli(['admin', 'delete', 'user', user, '--yes', '--if-exists'], { env });
  await runCli(['admin', 'delete', 'vhost', shop, '--yes', '--if-exists'], { env });
  await vhost.remove();
});

test('creates and sets objects that rabbitmqctl then exports', async () => {
  await admin('create vhost', [shop, '--description', 'a shop', '--tag', 'a', '--default-queue-type', 'quorum'], '');
  await admin('create user', [user, 'monitoring', 'policymaker'], '');
  await admin('set permission', [user, '^o', '', '.*']);
  await admin('set topic-permission', [user, 'amq.topic', '^a', '^b']);
  await admin('create queue', [hard, '--type', 'classic', '--argument', 'x-max-length=9', '--argument', 'x-note=007']);
  await admin('create queue', [long]);
  await admin('create exchange', [hard, '--type', 'topic', '--no-durable']);
  await admin('create queue', [foreign]);
  await admin('create exchange', [long, '--auto-delete', '--argument', 'alternate-exchange=amq.fanout']);
  await admin('create exchange', ['inside', '--internal']);
  await admin('create binding', [hard, hard, 'key.#']);
  await admin('create binding', [
    hard,
    hard,
    '--argument',
    'x=1',
    '--argument',
    'y=true',
    '--argument',
    'z={"a":["b"]}',
  ]);
  await admin('create binding', [hard, long, 'up', '--destination-type', 'exchange']);
  await admin('set policy', [hard, '^o', '{"max-length":10}', '--priority', '3', '--apply-to', 'quorum_queues']);
  await admin('set operator-policy', [hard, '.*', '{"expires":1800000}']);
  await admin('set global-parameter', [hard, '{"a":["b"]}'], '');
  await admin('set parameter', ['vhost-limits', 'limits', '{"max-queues":50}']);
  await admin('set user-limit', [user, 'max-channels', '7'], '');
  // The metadata below shows that this keeps the other values of the vhost.
  await admin('set tracing', ['on']);
  assert.equal(await shows('vhost', [shop], { tracing: true }, ''), { tracing: true });
  await admin('set tracing', ['off']);
  assert.equal(await shows('vhost', [shop], { tracing: false }, ''), { tracing: false });
  // Only the export of rabbitmqctl contains all objects.
  const exported = await definitions();
  const here = (name: string) => exported[name]?.filter((one) => one['vhost'] === shop);

  const { metadata } = found(exported['vhosts'], { name: shop }) as { metadata: Thing };
  assert.equal(plain(metadata, 'description', 'tags', 'default_queue_type'), ['a shop', ['a'], 'quorum']);
  assert.equal(found(exported['users'], { name: user })['tags'], ['monitoring', 'policymaker']);
  assert.equal(found(exported['users'], { name: user })['limits'], { 'max-channels': 7 });
  assert.equal(found(here('permissions'), { user }), { user, vhost: shop, configure: '^o', write: '', read: '.*' });
  assert.equal(here('topic_permissions'), [{ user, vhost: shop, exchange: 'amq.topic', write: '^a', read: '^b' }]);
  assert.equal(found(here('queues'), { name: hard })['arguments'], {
    'x-max-length': 9,
    'x-note': '007',
    'x-queue-type': 'classic',
  });
  assert.is((found(here('queues'), { name: long })['arguments'] as Thing)['x-queue-type'], 'quorum');
  assert.equal(plain(found(here('exchanges'), { name: hard }), 'type', 'durable', 'auto_delete'), [
    'topic',
    false,
    false,
  ]);
  assert.equal(plain(found(here('exchanges'), { name: long }), 'type', 'auto_delete', 'arguments'), [
    'direct',
    true,
    { 'alternate-exchange': 'amq.fanout' },
  ]);
  const keys = here('bindings')?.map((one) => [one['destination_type'], one['routing_key'], one['arguments']]);
  assert.equal(sortedJson(keys), [
    '["exchange","up",{}]',
    '["queue","",{"x":1,"y":true,"z":{"a":["b"]}}]',
    '["queue","key.#",{}]',
  ]);
  assert.equal(plain(found(here('policies'), { name: hard }), 'pattern', 'definition', 'priority', 'apply-to'), [
    '^o',
    { 'max-length': 10 },
    3,
    'quorum_queues',
  ]);
  const operator = found(here('parameters'), { component: 'operator_policy', name: hard })['value'] as Thing;
  assert.equal(objectOf(operator['definition']), { expires: 1_800_000 });
  assert.equal(objectOf(found(exported['global_parameters'], { name: hard })['value']), { a: ['b'] });
  assert.match(await exec('list_vhost_limits', '-p', shop), '"max-queues":50');
});

test('lists and shows the same as rabbitmqctl', async () => {
  await same('queues', ['name', 'durable', 'auto_delete', 'type'], ['list_queues', '-p', shop]);
  await same('exchanges', ['name', 'type', 'durable', 'auto_delete', 'internal'], ['list_exchanges', '-p', shop]);
  const bindings = objects(await admin('list bindings', ['--json']));
  const theirs = await ctl('list_bindings', '-p', shop);
  const ends = (all: readonly Thing[], ...names: string[]) =>
    all.map((one) => names.map((name) => one[name]).join('|')).sort();
  assert.equal(
    ends(bindings, 'source', 'destination', 'destination_type', 'routing_key'),
    ends(theirs, 'source_name', 'destination_name', 'destination_kind', 'routing_key'),
  );
  assert.is(bindings.length, 6);
  await same('vhosts', ['name', 'description', 'tags', 'default_queue_type'], ['list_vhosts'], '');
  await same('permissions', ['user', 'configure', 'write', 'read'], ['list_permissions', '-p', shop]);
  await same('topic-permissions', ['user', 'exchange', 'write', 'read'], ['list_topic_permissions', '-p', shop]);
  await same('policies', ['name', 'pattern', 'apply-to', 'priority'], ['list_policies', '-p', shop]);
  await same('operator-policies', ['name', 'pattern', 'apply-to', 'priority'], ['list_operator_policies', '-p', shop]);
  await same('feature-flags', ['name', 'state'], ['list_feature_flags', 'name', 'state'], '');
  await same('deprecated-features', ['name', 'deprecation_phase'], ['list_deprecated_features'], '');
  await same('used-deprecated-features', ['name'], ['list_deprecated_features', '--used'], '');
  await same('global-parameters', ['name'], ['list_global_parameters'], '');
  const users = objects(await admin('list users', ['--json'], ''));
  const known = (await ctl('list_users')).map(({ user, tags }) => ({ name: user, tags }));
  assert.equal(byName(users.map(({ name, tags }) => ({ name, tags }))), byName(known));
  assert.ok(!users.some((one) => 'password_hash' in one), 'a hash is shown');
  assert.match((await admin('list user-limits', [], '')).stdout, '{"max-channels":7}');
  assert.match((await admin('list vhost-limits')).stdout, '{"max-queues":50}');
  assert.ok(objects(await admin('list parameters', ['--json'])).length >= 2);
  const { running_nodes: running } = (await ctl('cluster_status'))[0] as { running_nodes: string[] };
  assert.equal(
    objects(await admin('list nodes', ['--json'], ''))
      .map(({ name }) => name)
      .sort(),
    running.sort(),
  );

  const shown: [string, string[], Thing][] = [
    ['queue', [hard], { name: hard, vhost: shop, type: 'classic' }],
    ['queue', [long], { name: long, type: 'quorum' }],
    ['queue', [foreign], { name: foreign }],
    ['exchange', ['inside'], { internal: true, durable: true }],
    ['exchange', [hard], { name: hard, type: 'topic' }],
    ['exchange', [''], { name: '', type: 'direct' }],
    ['binding', [hard, hard, 'key.#'], { routing_key: 'key.#', source: hard }],
    ['permission', [user], { configure: '^o', write: '', read: '.*' }],
    ['topic-permission', [user], { exchange: 'amq.topic', write: '^a' }],
    ['policy', [hard], { pattern: '^o', priority: 3 }],
    ['operator-policy', [hard], { pattern: '.*', definition: { expires: 1_800_000 } }],
    ['parameter', ['vhost-limits', 'limits'], { value: { 'max-queues': 50 } }],
  ];
  for (const [noun, args, wanted] of shown) assert.equal(await shows(noun, args, wanted), wanted);
  const everywhere: [string, string[], Thing][] = [
    ['vhost', [shop], { name: shop, description: 'a shop' }],
    ['user', [user], { name: user, tags: ['monitoring', 'policymaker'] }],
    ['global-parameter', [hard], { name: hard, value: { a: ['b'] } }],
    ['node', [String(running[0])], { name: running[0], running: true }],
    ['feature-flag', ['quorum_queue'], { name: 'quorum_queue', state: 'enabled' }],
    ['deprecated-feature', ['global_qos'], { name: 'global_qos' }],
  ];
  for (const [noun, args, wanted] of everywhere) assert.equal(await shows(noun, args, wanted, ''), wanted);
  assert.is(objects(await admin('whoami', ['--json'], ''))[0]?.['name'], 'mq');
  const [overview] = objects(await admin('overview', ['--json'], ''));
  assert.is(overview?.['rabbitmq_version'], cluster.version);
});

test('leaves existing objects unchanged and reports it', async () => {
  const queue = await admin('create queue', [
    hard,
    '--type',
    'classic',
    '--argument',
    'x-max-length=9',
    '--argument',
    'x-note=007',
    '--json',
  ]);
  assert.is(objects(queue)[0]?.['outcome'], 'unchanged');
  await admin('create vhost', [shop], '');
  await admin('create vhost', [shop, '--tag', 'b'], '');
  assert.is((await shows('vhost', [shop], { description: '' }, ''))['description'], 'a shop');
  assert.equal((await shows('vhost', [shop], { tags: [] }, ''))['tags'], ['b']);
  for (const [words, args] of [
    ['create queue', [hard, '--type', 'quorum']],
    ['create exchange', [hard, '--type', 'fanout']],
    ['create user', [user]],
    ['set policy', [hard, '.*', '{"ha-mode":"all"}']],
    ['set policy', [hard, '.*', '{"nonsense":1}']],
  ] as const) {
    const { status, stderr } = await tried(words, args, words.includes('user') ? '' : shop);
    assert.is(status, 65, stderr);
  }
});

test('sets a password, and keeps it when the tags change', async () => {
  const asked = (secret: string) => statusOf('authenticate_user', user, secret);
  assert.is(await asked(env.MQ_NEW_PASSWORD), 0);
  await admin('set password', [user, '--new-password-file', '-'], '', { input: 'another\n' });
  assert.is(await asked('another'), 0);
  await admin('set tags', [user, 'management'], '');
  assert.is(await asked('another'), 0);
  assert.equal((await shows('user', [user], { tags: [] }, ''))['tags'], ['management']);
  const { status, stderr } = await tried('list users', ['--user', user], '', {
    env: { ...env, MQ_PASSWORD: 'another' },
  });
  assert.is(status, 77, stderr);
});

test('shows connections, channels and consumers, and closes a connection', async () => {
  await admin('set permission', ['mq', '.*', '.*', '.*']);
  const url = new URL(String(cluster.urls[0]));
  url.pathname = `/${encodeURIComponent(shop)}`;
  const connection = await connect(url.href, { clientProperties: { connection_name: 'shopping' } });
  const closed = new Promise<string>((resolve) => {
    // amqplib treats 320 as a normal close.
    connection.on('close', (error?: Error) => resolve(String(error?.message)));
  });
  const channel = await connection.createChannel();
  await channel.prefetch(3);
  await channel.consume(hard, () => undefined, { consumerTag: 'tag /1' });
  const [consumer] = await until('the consumer is listed', async () => {
    const all = objects(await admin('list consumers', ['--json']));
    return all.length > 0 && all;
  });
  assert.equal(
    (await ctl('list_consumers', '-p', shop)).map((one) => one['consumer_tag']),
    [consumer?.['consumer_tag']],
  );
  assert.equal(await shows('consumer', ['tag /1'], { prefetch_count: 3 }), { prefetch_count: 3 });
  const one = await until('the connection is listed', async () => {
    const all = objects(await admin('list connections', ['--json']));
    return all.find((each) => each['user_provided_name'] === 'shopping');
  });
  const name = String(one['name']);
  assert.ok((await ctl('list_connections', 'name', 'vhost')).some((each) => each['name'] === name));
  assert.is((await shows('connection', [name], { user: '' }, ''))['user'], 'mq');
  const channels = await until('the channel is listed', async () => {
    const all = objects(await admin('list channels', ['--json']));
    return all.length > 0 && all;
  });
  const number = String(channels[0]?.['name']);
  for (const [noun, wanted] of [
    ['connections', name],
    ['channels', number],
  ] as const) {
    const some = objects(
      await admin(`list ${noun}`, ['--json', '--limit', '5', '--filter', wanted, '--sort', '-name']),
    );
    assert.equal(
      some.map((each) => each['name']),
      [wanted],
      noun,
    );
    assert.equal(objects(await admin(`list ${noun}`, ['--json', '--limit', '5', '--page', '2'])), []);
  }
  assert.ok((await ctl('list_channels', 'name')).some((each) => each['name'] === number));
  assert.is((await shows('channel', [number], { vhost: '' }, ''))['vhost'], shop);
  await admin('close connection', [name, '--yes', '--reason', 'enough'], '');
  assert.match(await closed, /enough/);
  assert.is((await tried('close user-connections', [user, '--yes'], '')).status, 0);
});

test('purges the messages of a queue', async () => {
  const url = new URL(String(cluster.urls[0]));
  url.pathname = `/${encodeURIComponent(shop)}`;
  const connection = await connect(url.href);
  const channel = await connection.createConfirmChannel();
  for (let index = 0; index < 3; index += 1) channel.sendToQueue(hard, Buffer.from('x'));
  await channel.waitForConfirms();
  await connection.close();
  const messages = async () =>
    found(await ctl('list_queues', '-p', shop, 'name', 'messages'), { name: hard })['messages'];
  assert.is(await messages(), 3);
  assert.is((await tried('delete queue', [hard, '--if-empty', '--yes'])).status, 65);
  await admin('purge queue', [hard, '--yes']);
  assert.is(await messages(), 0);
});

test('exports the same as rabbitmqctl, and an import restores a queue', async () => {
  const folder = emptyFolder();
  await admin('export definitions', ['all.json'], '', { cwd: folder });
  const mine = JSON.parse(readFileSync(join(folder, 'all.json'), 'utf8')) as Record<string, Thing[]>;
  const theirs = await definitions();
  const parts = { vhosts: ['name'], users: ['name', 'tags', 'password_hash'], permissions: ['user', 'vhost', 'read'] };
  const all = {
    ...parts,
    policies: ['vhost', 'name', 'definition'],
    queues: ['vhost', 'name', 'durable', 'arguments'],
  };
  for (const [part, columns] of Object.entries(all)) {
    const cut = (things: readonly Thing[] = []) => sortedJson(things.map((one) => plain(one, ...columns)));
    assert.equal(cut(mine[part]), cut(theirs[part]), part);
  }
  const printed = await admin('export definitions', []);
  const file = join(folder, 'shop.json');
  await admin('delete queue', [hard, '--yes']);
  assert.is((await tried('show queue', [hard])).status, 65);
  await admin('import definitions', ['-'], shop, { input: printed.stdout });
  assert.is((await shows('queue', [hard], { type: '' }))['type'], 'classic');
  assert.is((await tried('import definitions', [file])).status, 66);
});

test('reports a healthy broker, and a broker with an alarm', async () => {
  const health = objects(await admin('check health', ['--json'], ''));
  assert.ok(health.length >= 4 && health.every(({ ok }) => ok === true), JSON.stringify(health));
  for (const check of ['alarms', 'local-alarms', 'virtual-hosts', 'quorum-critical'])
    await admin(`check ${check}`, [], '');
  for (const check of ['ready-to-serve-clients', 'in-service']) {
    assert.is((await tried(`check ${check}`, [], '')).status, isOld ? 65 : 0);
  }
  await admin('check port-listener', ['5672'], '');
  await admin('check protocol-listener', ['amqp'], '');
  await admin('check certificate-expiration', ['2', 'weeks'], '');
  assert.is((await tried('check port-listener', ['1'], '')).status, 1);
  await admin('create queue', ['checked', '--type', 'quorum']);
  const check = ['checked', '--max-ready', '0', '--max-unacked', '0'];
  await until('RabbitMQ counts the new queue', async () => (await tried('check queue', check)).status === 0);
  assert.is((await tried('check queue', ['checked', '--min-consumers', '1'])).status, 1);
  await admin('delete queue', ['checked', '--yes']);
  await exec('set_vm_memory_high_watermark', 'absolute', '1MiB');
  try {
    const { stdout } = await until('the alarm is reported', async () => {
      const result = await tried('check alarms', [], '');
      return result.status === 1 && result;
    });
    assert.match(stdout, /alarms\tfalse/);
  } finally {
    await exec('set_vm_memory_high_watermark', 'absolute', '512MiB');
  }
});

test('sets the cluster name, and enables an enabled flag again', async () => {
  const { cluster_name: before } = objects(await admin('overview', ['--json'], ''))[0] as { cluster_name: string };
  await admin('set cluster-name', ['mine'], '');
  assert.is((await ctl('cluster_status'))[0]?.['cluster_name'], 'mine');
  await admin('set cluster-name', [before], '');
  await admin('enable feature-flag', ['quorum_queue', '--yes'], '');
});

test('deletes objects, as rabbitmqctl confirms', async () => {
  await admin('set vhost-limit', ['max-connections', '5']);
  await admin('delete vhost-limit', ['max-connections', '--yes']);
  await admin('delete user-limit', [user, 'max-channels', '--yes'], '');
  await admin('create binding', [hard, hard, 'key.#']);
  await admin('delete binding', [hard, hard, 'key.#', '--yes']);
  await admin('delete binding', [hard, long, 'up', '--destination-type', 'exchange', '--yes']);
  await admin('delete exchange', [hard, '--yes']);
  await admin('delete queue', [hard, '--yes']);
  await admin('delete policy', [hard, '--yes']);
  await admin('delete operator-policy', [hard, '--yes']);
  await admin('delete parameter', ['vhost-limits', 'limits', '--yes']);
  await admin('delete global-parameter', [hard, '--yes'], '');
  await admin('delete topic-permission', [user, 'amq.topic', '--yes']);
  await admin('delete permission', [user, '--yes']);
  const half = await definitions();
  const here = (name: string) => half[name]?.filter((one) => one['vhost'] === shop) ?? [];
  assert.equal(
    here('queues')
      .map(({ name }) => name)
      .sort(),
    [long, foreign].sort(),
  );
  assert.equal(here('policies'), []);
  assert.equal(here('parameters'), []);
  assert.equal(here('topic_permissions'), []);
  assert.equal(
    here('permissions').map((one) => one['user']),
    ['mq'],
  );
  assert.ok(!half['global_parameters']?.some(({ name }) => name === hard));
  await admin('delete user', [user, '--yes'], '');
  await admin('delete vhost', [shop, '--yes'], '');
  const exported = await definitions();
  assert.ok(!exported['users']?.some(({ name }) => name === user));
  assert.ok(!exported['vhosts']?.some(({ name }) => name === shop));
  assert.is((await tried('delete vhost', [shop, '--yes'], '')).status, 65);
  assert.is((await tried('delete vhost', [shop, '--yes', '--if-exists'], '')).status, 0);
  assert.is((await tried('list queues', [])).status, 65);
});

test('runs every action', () => {
  // ha.test.ts runs those of high availability.
  const here = actions.filter((action) => !haActions.includes(action));
  const all = here.map(({ verb, noun }) => (noun === undefined ? verb : `${verb} ${noun}`));
  assert.equal(
    all.filter((words) => !run.has(words)),
    [],
  );
});

/** Checks that the lists of mq and of rabbitmqctl have equal values in these columns. */
async function same(noun: string, columns: readonly string[], command: readonly string[], place = shop): Promise<void> {
  const mine = objects(await admin(`list ${noun}`, ['--json'], place));
  const [verb = '', ...options] = command;
  const named = ['list_queues', 'list_exchanges', 'list_vhosts'].includes(verb) ? columns : [];
  const theirs = await ctl(verb, ...options, ...named);
  const cut = (all: readonly Thing[]) => sortedJson(all.map((one) => columns.map((name) => textOf(one[name]))));
  assert.equal(cut(mine), cut(theirs), noun);
}

/** Returns the text of a value, because rabbitmqctl prints some values as text. */
function textOf(value: unknown): string {
  if (Array.isArray(value) || (typeof value === 'object' && value !== null)) return JSON.stringify(value);
  return String(value);
}

/** Returns an object. RabbitMQ 4.0 exports some objects as lists of pairs. */
function objectOf(value: unknown): unknown {
  return Array.isArray(value) ? Object.fromEntries(value as [string, unknown][]) : value;
}

test.run();
