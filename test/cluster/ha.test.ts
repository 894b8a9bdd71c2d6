// Runs mq admin ha and the changes of members on three nodes, and compares each step with RabbitMQ's own tools.

import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { testCluster } from '../support/cluster.ts';
import { emptyFolder, type MqResult, mq } from '../support/mq.ts';
import { until } from '../support/until.ts';

const { cluster, release } = await testCluster();
test.after(release);
const mark = `ha-${randomUUID().slice(0, 8)}`;
const env = { MQ_MANAGEMENT_URL: cluster.managementUrls.join(','), HOME: emptyFolder() };
const all = ['mq1', 'mq2', 'mq3'];

interface Row {
  readonly name: string;
  readonly type: string;
  readonly leader: string | null;
  readonly members: string[];
  readonly online: string[];
  readonly mayLose: number;
  readonly risk: string;
  readonly effect?: string;
}

test('adds and removes members by node and by queue, and moves the leader', async () => {
  const [one, three, plain] = [`${mark}-one`, `${mark}-three`, `${mark}-classic`];
  await declare(one, { 'x-queue-type': 'quorum', 'x-quorum-initial-group-size': 1 });
  await declare(three, { 'x-queue-type': 'quorum' });
  await declare(plain, { 'x-queue-type': 'classic' });
  assert.equal(
    (await rows()).map(({ name, risk, mayLose }) => [name, risk, mayLose]).toSorted(),
    [
      [plain, 'single', 0],
      [one, 'single', 0],
      [three, 'none', 1],
    ].toSorted(),
  );
  const home = shortNames((await row(one)).members)[0] ?? '';
  const [next = '', last = ''] = all.filter((node) => node !== home);

  const grown = await good(['grow', next, one]);
  assert.is(grown.stdout, `added a member on rabbit@${next}: ${one} (2 members)\n`);
  assert.match(grown.stderr, 'an even number of members tolerates no more lost nodes than one member fewer');
  assert.is((await row(one)).risk, 'critical');
  assert.equal(await toolMembers(one), [home, next].toSorted());
  assert.match((await good(['grow', `rabbit@${last}`])).stdout, `${one} (3 members)`);
  assert.equal([await toolMembers(one), (await row(one)).risk], [all, 'none']);
  assert.is(
    (await good(['grow', last, one])).stdout,
    `nothing to do: the queues already have a member on rabbit@${last}\n`,
  );

  for (const target of [last, next]) {
    await good(['transfer', one, target]);
    assert.equal([(await row(one)).leader, await toolLeader(one)], [`rabbit@${target}`, target]);
  }
  await good(['rebalance']);

  // When the member of the leader is removed, there is no leader until the election ends.
  await good(['shrink', next, one, '--yes']);
  assert.equal(await toolMembers(one), [home, last].toSorted());
  assert.is((await row(three)).members.length, 3);
  const refused = await admin(['grow', home, plain]);
  assert.equal([refused.status, /is a classic queue/.test(refused.stderr)], [65, true]);
  assert.is((await admin(['grow', home, `${mark}-none`])).status, 65);
  assert.match((await admin(['grow', 'mq7', one])).stderr, /there is no node 'mq7' in the cluster/);
  for (const queue of [one, three, plain]) await remove(queue);
});

test('shows critical queues, and refuses to remove members that they need', async () => {
  const [queue, plain] = [`${mark}-safe`, `${mark}-alone`];
  await declare(queue, { 'x-queue-type': 'quorum' });
  await declare(plain, { 'x-queue-type': 'classic' });
  const before = await effects('mq1');
  assert.ok(['gets another leader', 'has one member fewer'].includes(before[queue] ?? ''));
  assert.is(before[plain], 'goes down with the node');

  await cluster.kill(2);
  const led = await until('one of the two nodes leads the queue', async () => {
    const found = await row(queue);
    return found.leader !== null && found;
  });
  assert.equal([led.risk, led.mayLose, shortNames(led.online)], ['critical', 0, ['mq1', 'mq2']]);
  assert.is((await effects('mq2'))[queue], 'stops');
  // RabbitMQ's own check returns the same result for both remaining nodes.
  for (const node of [0, 1]) {
    const { exitCode, output } = await cluster.exec(node, [
      'rabbitmq-queues',
      '-q',
      'check_if_node_is_quorum_critical',
    ]);
    assert.ok(exitCode !== 0 && output.includes(queue), output);
  }
  const shrunk = await admin(['shrink', 'mq2', queue, '--yes']);
  assert.is(shrunk.status, 65);
  assert.match(shrunk.stderr, `${queue}: 1 of its 2 remaining members would be online, 2 are needed`);
  assert.equal((await row(queue)).members.length, 3);
  assert.is((await admin(['grow', 'mq3', queue])).status, 69);
  // The member of the lost node may be removed, because two members are enough.
  await good(['shrink', 'mq3', queue, '--yes']);
  assert.equal(shortNames((await row(queue)).members), ['mq1', 'mq2']);

  await cluster.start(2);
  // The node that answers may notice the started node a moment later.
  await until('a member can be added on mq3', async () => (await admin(['grow', 'mq3', queue])).status === 0);
  await until('all members are online', async () => {
    const { risk, online } = await row(queue);
    return risk === 'none' && shortNames(online).join() === all.join();
  });
  for (const name of [queue, plain]) await remove(name);
});

test('transfer names the command for a broker that mq cluster did not start', async () => {
  const queue = `${mark}-elsewhere`;
  await declare(queue, { 'x-queue-type': 'quorum' });
  const { leader } = await row(queue);
  const target = all.find((node) => `rabbit@${node}` !== leader) ?? '';
  const { status, stderr } = await admin(['transfer', queue, target], { DOCKER_HOST: 'tcp://127.0.0.1:1' });
  assert.is(status, 65, stderr);
  assert.match(stderr, `rabbitmq-queues transfer_leadership --vhost '/' '${queue}' rabbit@${target}`);
  await remove(queue);
});

async function rows(args: readonly string[] = []): Promise<Row[]> {
  const { stdout } = await good(['ha', ...args, '--json', '--filter', mark]);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

async function row(name: string): Promise<Row> {
  const found = (await rows()).find((one) => one.name === name);
  if (found === undefined) throw new Error(`mq admin ha does not show ${name}`);
  return found;
}

async function effects(node: string): Promise<Record<string, string>> {
  return Object.fromEntries((await rows([node])).map(({ name, effect = '' }) => [name, effect]));
}

async function good(args: readonly string[]): Promise<MqResult> {
  const ended = await admin(args);
  assert.is(ended.status, 0, ended.stderr);
  return ended;
}

function admin(args: readonly string[], more: Record<string, string> = {}): Promise<MqResult> {
  return mq(['admin', ...args], { env: { ...env, ...more } });
}

function shortNames(nodes: readonly string[]): string[] {
  return nodes.map((node) => node.replace('rabbit@', '')).toSorted();
}

/** Returns the members and the leader of a queue, as rabbitmqctl reports them. */
async function tool(queue: string): Promise<{ members: string[]; leader: string }> {
  const { output } = await cluster.exec(0, [
    'rabbitmqctl',
    '-q',
    '--formatter',
    'json',
    'list_queues',
    'name',
    'leader',
    'members',
  ]);
  const list = JSON.parse(output) as { name: string; leader: string; members: string[] }[];
  const found = list.find(({ name }) => name === queue);
  if (found === undefined) throw new Error(`rabbitmqctl does not show ${queue}`);
  return found;
}

async function toolMembers(queue: string): Promise<string[]> {
  return shortNames((await tool(queue)).members);
}

async function toolLeader(queue: string): Promise<string> {
  return (await tool(queue)).leader.replace('rabbit@', '');
}

async function declare(queue: string, args: Record<string, unknown>): Promise<void> {
  const connection = await connect(String(cluster.urls[0]));
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: true, arguments: args });
  await connection.close();
}

async function remove(queue: string): Promise<void> {
  const connection = await connect(String(cluster.urls[0]));
  await (await connection.createChannel()).deleteQueue(queue);
  await connection.close();
}

test.run();
