// Tests the loss of a node during work. Every confirmed message is handled, and every role continues on other nodes.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, type RunningMq } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const { vhost } = roles;
const cluster = await vhost.cluster();
test.after.each(roles.killLeft);
test.after.each(() => cluster.heal());
test.after(roles.end);

const count = 20_000;
/** RabbitMQ 4.3 requeues the messages of consumers on a lost node after this time (consumer_disconnected_timeout). */
const disconnectedTimeoutMs = 60_000;
const deadlineMs = 150_000;
const handler = `
import { appendFileSync } from 'node:fs';
export default ({ text }: { text: string }) => appendFileSync('handled.txt', text + '\\n');`;

/** Returns the URLs of all nodes, starting with that of the node `first`. */
const from = (first: number) => [...vhost.urls.slice(first), ...vhost.urls.slice(0, first)].join(',');
const indexOf = (name: string) => cluster.nodes.findIndex((node) => node.name === name);

/** Returns the index of the node to which a role is connected. */
function nodeOf(connection: string): Promise<number> {
  return until(`a connection ${connection}`, async () => {
    const found = (await vhost.api('GET', `/api/vhosts/${vhost.name}/connections`)) as {
      node: string;
      client_properties?: { connection_name?: string };
    }[];
    const ours = found.find(({ client_properties: sent }) => sent?.connection_name?.startsWith(`mq ${connection} `));
    return ours && { index: indexOf(ours.node) };
  }).then(({ index }) => index);
}

async function leaderOf(queue: string): Promise<number> {
  return indexOf(((await vhost.api('GET', `/api/queues/${vhost.name}/${queue}`)) as { leader: string }).leader);
}

interface Workers {
  readonly running: readonly RunningMq[];
  handled(): string[];
}

async function twoWorkers(): Promise<Workers> {
  const folders = [
    emptyFolder({ 'handled.txt': '', 'record.ts': handler }),
    emptyFolder({ 'handled.txt': '', 'record.ts': handler }),
  ];
  const args = ['worker', '--prefetch', '50', '--handler', 'record.ts'];
  const running = await Promise.all(folders.map((cwd) => roles.receiver(args, { cwd, deadlineMs })));
  return { running, handled: () => folders.flatMap((cwd) => lines(readFileSync(join(cwd, 'handled.txt'), 'utf8'))) };
}

/** Writes a part of the lines, calls `lose`, and continues to write while `lose` runs and after it. */
async function feed(task: RunningMq, lose: () => Promise<void>): Promise<void> {
  let fed = 0;
  const write = (many: number) => {
    const batch = Array.from({ length: Math.min(many, count - fed) }, (_, index) => `line ${fed + index}\n`);
    fed += batch.length;
    task.stdin.write(batch.join(''));
  };
  write(5000);
  await task.prints(/"number":1000,/);
  let lost = false;
  const losing = lose().then(() => {
    lost = true;
  });
  while (!lost) {
    write(fed < 15_000 ? 25 : 0);
    await delay(5);
  }
  await losing;
  write(count);
  task.stdin.end();
}

for (const victim of ['the node that the publisher is connected to', "the node of the queue's leader"]) {
  test(`all confirmed messages are handled after the kill of ${victim}`, async () => {
    await roles.run(['task', 'declares the queue'], { env: { MQ_URL: from(0) } });
    await roles.run(['worker', '--until-empty']);
    const leader = await leaderOf('task_queue');
    const workers = await twoWorkers();
    const task = roles.start(['task', '--lines', '--json'], { env: { MQ_URL: from((leader + 1) % 3) }, deadlineMs });
    const connected = await nodeOf('task publish');
    assert.is.not(connected, leader);

    await feed(task, () => cluster.kill(victim.includes('leader') ? leader : connected));
    const { status, stdout, stderr } = await task.ended;
    const outcomes = lines(stdout).map((line) => JSON.parse(line) as { number: number; outcome: string });
    assert.is(outcomes.length, count);
    const confirmed = outcomes
      .filter(({ outcome }) => outcome === 'confirmed')
      .map(({ number }) => `line ${number - 1}`);
    await until(
      'all confirmed messages are handled',
      () => new Set(workers.handled()).isSupersetOf(new Set(confirmed)),
      disconnectedTimeoutMs + 30_000,
    );
    const ends = await Promise.all(workers.running.map((worker) => worker.stop()));
    const handled = workers.handled();
    console.log(`${victim}: ${confirmed.length} confirmed, ${handled.length - new Set(handled).size} duplicates`);

    assert.equal([status, confirmed.length], [0, count], stderr);
    assert.ok(new Set(handled).isSubsetOf(new Set(confirmed)));
    assert.equal(
      ends.map((end) => end.status),
      [0, 0],
    );
    assert.is(await roles.held('task_queue'), 0);
    const queues = (await vhost.api('GET', `/api/queues/${vhost.name}`)) as { name: string }[];
    assert.equal(
      queues.map(({ name }) => name),
      ['task_queue'],
    );
  });
}

test('receivers and servers continue after the loss of their node', async () => {
  const [logs, server] = await Promise.all([
    roles.receiver(['receive-logs', '--count', '2'], { env: { MQ_URL: from(1) }, deadlineMs }),
    roles.receiver(['rpc-server'], { env: { MQ_URL: from(1) }, deadlineMs }),
  ]);
  await roles.run(['emit-log', 'before']);
  await logs.prints(/before/);
  const nodes = [await nodeOf('receive-logs consume'), await nodeOf('rpc-server consume')];
  assert.equal(nodes, [1, 1]);
  await cluster.kill(1);
  await Promise.all([logs, server].map((running) => running.prints(/connected again/, 'stderr')));
  const alive = { env: { MQ_URL: from(2) } };
  // RabbitMQ 4.3 nacks the line because the receiver's former queue stays bound while its node is down. The receiver
  // still receives the line.
  let received = false;
  const ended = logs.ended.then((end) => {
    received = true;
    return end;
  });
  await until(
    'the log line is received',
    async () => (await roles.run(['emit-log', 'after'], alive)) && received,
    60_000,
  );
  const { status, stdout } = await ended;
  assert.equal({ status, stdout }, { status: 0, stdout: 'before\nafter\n' });
  assert.is((await roles.run(['rpc-client', '30'], { ...alive, deadlineMs })).stdout, '832040\n');
  assert.is((await server.stop()).status, 0);
});

test.run();
