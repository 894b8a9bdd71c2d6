// Runs the commands of `mq cluster` on a cluster of its own: start, loss of a node during work, faults, and removal.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite, test } from 'uvu';
import * as assert from 'uvu/assert';
import { attachCluster, type ClusterDescription } from '../../src/cluster/cluster.ts';
import { sweep } from '../../src/cluster/removal.ts';
import type { ClusterStatus } from '../../src/cluster/status.ts';
import { emptyFolder, type MqResult, mq, type RunningMq, startMq } from '../support/mq.ts';
import { lines } from '../support/roles.ts';
import { until } from '../support/until.ts';
import { testBroker } from '../support/vhost.ts';

const { image } = await attachCluster({ name: testBroker().cluster ?? '' });
const name = `mq-test-${randomUUID().slice(0, 8)}`;
const count = 10_000;
const handler = `
import { appendFileSync } from 'node:fs';
export default ({ text }: { text: string }) => appendFileSync('handled.txt', text + '\\n');`;

const running = new Set<RunningMq>();
let up: ClusterDescription;

const story = suite('a cluster of three nodes');
story.before(async () => {
  const { status, stdout, stderr } = await cluster('up', '--image', image, '--json', '--timeout', '90');
  assert.is(status, 0, stderr);
  up = JSON.parse(stdout) as ClusterDescription;
});
story.after(async () => {
  for (const one of running) one.kill('SIGKILL');
  const { status, stdout } = await cluster('down');
  assert.equal([status, stdout], [0, `${name} is removed\n`]);
  assert.equal(await leftOf(name), []);
});

story('up prints the addresses, and status finds no problem', async () => {
  assert.is(up.urls.length, 3);
  const { status, stdout } = await cluster('url', '--env');
  const lines = [
    `export MQ_CLUSTER='${name}'`,
    `export MQ_URL='${up.urls.join(',')}'`,
    `export MQ_MANAGEMENT_URL='${up.managementUrls.join(',')}'`,
  ];
  assert.equal([status, stdout], [0, `${lines.join('\n')}\n`]);
  for (const url of up.prometheusUrls) assert.match(await (await fetch(url)).text(), 'rabbitmq_identity_info');
  const found = await statusOf();
  assert.equal(found.problems, []);
  assert.equal(
    found.nodes.map(({ host, state, isMember }) => `${host} ${state} ${isMember}`),
    ['mq1 running true', 'mq2 running true', 'mq3 running true'],
  );
});

story('refuses impossible commands with a hint', async () => {
  const refused = async (...args: string[]) => {
    const { status, stdout, stderr } = await cluster(...args);
    assert.is(stdout, '');
    return [status, stderr.split('\n').find((line) => line.startsWith('hint'))];
  };
  assert.equal(await refused('forget', 'mq2'), [75, 'hint: first run mq cluster stop mq2']);
  assert.equal(await refused('forget', 'rabbit@mq2'), [75, 'hint: first run mq cluster stop mq2']);
  assert.equal(await refused('kill', 'mq4'), [64, 'hint: did you mean mq1? its nodes: mq1, mq2, mq3']);
  assert.equal(await refused('resume', 'mq1'), [75, 'hint: mq cluster status']);
  assert.equal(await refused('partition', 'mq1', 'mq2', 'mq3'), [64, 'hint: mq cluster partition --help']);
  assert.equal(await refused('up', '--image', image), [71, `hint: mq cluster down --name ${name}`]);
  assert.equal((await refused('stop', 'mq1', 'rabbit@mq2'))[0], 75);
  assert.equal((await statusOf()).problems, []);
});

story('replaces a killed node without losing one of ten thousand tasks', async () => {
  const declared = await mq(['task', 'declares the queue'], { env: { MQ_URL: up.urls.join(',') } });
  assert.is(declared.status, 0, declared.stderr);
  const leader = await until('the queue has a leader', async () => (await taskQueue())?.leader);
  const place = Number(leader.slice(2)) - 1;
  const turned = [...up.urls.slice(place), ...up.urls.slice(0, place)];
  // The workers use the other nodes, because RabbitMQ 4.3 requeues the messages of a lost node only after a minute.
  const env = { MQ_URL: [...turned.slice(1), ...turned.slice(0, 1)].join(',') };
  const folders = [1, 2].map(() => emptyFolder({ 'handled.txt': '', 'record.ts': handler }));
  const handled = () => folders.flatMap((cwd) => lines(readFileSync(join(cwd, 'handled.txt'), 'utf8')));
  const workers = folders.map((cwd) =>
    begin(['worker', '--prefetch', '50', '--handler', 'record.ts'], { cwd, env, deadlineMs: 120_000 }),
  );
  const task = begin(['task', '--lines', '--json'], { env: { MQ_URL: turned.join(',') }, deadlineMs: 120_000 });
  const tasks = Array.from({ length: count }, (_, index) => `task ${index}`);
  task.stdin.write(`${tasks.slice(0, count / 2).join('\n')}\n`);
  await until('a part of the tasks is handled', () => handled().length > 1000);
  const killed = await cluster('kill', leader);
  assert.equal([killed.status, killed.stdout], [0, `${leader} is killed\n`]);
  task.stdin.end(`${tasks.slice(count / 2).join('\n')}\n`);
  const sent = await task.ended;
  assert.is(sent.status, 0, sent.stderr);
  assert.is(sent.stdout.match(/"outcome":"confirmed"/g)?.length, count);

  const lost = await statusOf();
  assert.ok(lost.problems.some((problem) => problem.startsWith(`${leader} is stopped`)));
  assert.is((await cluster('stop', lost.nodes.find(({ host }) => host !== leader)?.host ?? '')).status, 75);
  const forgotten = await cluster('forget', leader);
  assert.is(forgotten.status, 0, forgotten.stderr);
  const joined = await cluster('join', '--grow', '--timeout', '90');
  assert.is(joined.status, 0, joined.stderr);
  assert.match(joined.stdout, /^mq4 has joined, AMQP on 127\.0\.0\.1:\d+\n$/);

  const all = new Set([...tasks, 'declares the queue']);
  await until('all tasks are handled', () => new Set(handled()).isSupersetOf(all), 60_000);
  assert.ok(new Set(handled()).isSubsetOf(all));
  const ends = await Promise.all(workers.map((worker) => worker.stop()));
  assert.equal(
    ends.map(({ status }) => status),
    [0, 0],
  );
  const members = ['mq1', 'mq2', 'mq3', 'mq4'].filter((host) => host !== leader);
  const whole = await until('the new member is online', async () => {
    const { problems, queues } = await statusOf();
    const queue = queues?.find((one) => one.name === 'task_queue');
    return problems.length === 0 && queue?.online.length === 3 && queue;
  });
  assert.equal([whole.members, whole.online, whole.messages], [members, members, 0]);
});

story('stops, pauses and cuts off nodes, and restores them', async () => {
  const [one = '', other = ''] = (await statusOf()).nodes.map(({ host }) => host);
  const done = async (...args: string[]) => assert.is((await cluster(...args)).status, 0, args.join(' '));
  await done('stop', one);
  await done('start', one);
  await done('pause', other);
  await done('resume', other);
  await done('partition', one, other);
  // This does not use mq cluster status, because the nodes notice the loss seconds later.
  const cut = await (await attachCluster({ name })).states();
  assert.equal(
    cut.map(({ isConnected }) => isConnected),
    [false, false, true],
  );
  await done('heal');
  const healed = await until('the status contains no problem', async () => {
    const status = await statusOf();
    return status.problems.length === 0 && status;
  });
  assert.equal(
    healed.nodes.map(({ isConnected }) => isConnected),
    [true, true, true],
  );
  assert.match((await cluster('logs', one, '--tail', '5')).stdout, /^(.+\n){5}$/);
});
story.run();

test('an interrupted start ends with 130 and leaves nothing behind', async () => {
  const own = `${name}-interrupted`;
  const start = begin(['cluster', 'up', '--image', image, '--nodes', '1', '--name', own], { deadlineMs: 120_000 });
  await until('there is a container', async () => (await leftOf(own)).includes('container'));
  start.kill('SIGINT');
  const { status, stdout } = await start.ended;
  assert.equal([status, stdout], [130, '']);
  assert.equal(await leftOf(own), []);
});

test('removes the remains of a killed start', async () => {
  const own = `${name}-killed`;
  const start = begin(['cluster', 'up', '--image', image, '--nodes', '1', '--name', own], { deadlineMs: 120_000 });
  await until('there is a container', async () => (await leftOf(own)).includes('container'));
  start.kill('SIGKILL');
  await start.ended;
  assert.ok((await sweep({ isAlive: (pid) => pid !== start.pid })).includes(own));
  assert.equal(await leftOf(own), []);
});
test.run();

/** Runs mq cluster with the name of this file's cluster. */
function cluster(...args: string[]): Promise<MqResult> {
  return mq(['cluster', ...args, '--name', name], { deadlineMs: 120_000 });
}

async function statusOf(): Promise<ClusterStatus> {
  const { stdout, stderr } = await cluster('status', '--json');
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as ClusterStatus;
}

async function taskQueue() {
  return (await statusOf()).queues?.find((queue) => queue.name === 'task_queue');
}

function begin(args: readonly string[], options: Parameters<typeof startMq>[1]): RunningMq {
  const started = startMq(args, options);
  running.add(started);
  const gone = () => running.delete(started);
  started.ended.then(gone, gone);
  return started;
}

/** Returns the containers and networks of a cluster in Docker. */
async function leftOf(cluster: string): Promise<string[]> {
  const list = async (kind: string, ...options: string[]) => {
    const filter = ['--filter', `label=mq.cluster=${cluster}`];
    const { stdout } = await promisify(execFile)('docker', [kind, 'ls', '--quiet', ...options, ...filter]);
    return stdout === '' ? [] : [kind];
  };
  return [...(await list('container', '--all')), ...(await list('network'))];
}
