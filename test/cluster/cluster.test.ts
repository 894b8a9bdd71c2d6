// Starts, disturbs, heals and removes a cluster in containers.

import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { type Channel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attachCluster } from '../../src/cluster/cluster.ts';
import { clusterNames, sweep } from '../../src/cluster/removal.ts';
import { startCluster } from '../../src/cluster/start.ts';
import { MqError } from '../../src/errors.ts';
import { testCluster } from '../support/cluster.ts';
import { node } from '../support/node.ts';
import { until } from '../support/until.ts';

const { cluster, release } = await testCluster();
const { image } = cluster;
test.after(release);

test('every node is a running member and accepts AMQP', async () => {
  const { exitCode, output } = await cluster.exec(0, ['rabbitmqctl', '-q', 'cluster_status', '--formatter', 'json']);
  assert.is(exitCode, 0, output);
  const { running_nodes } = JSON.parse(output) as { running_nodes: string[] };
  assert.equal(running_nodes.sort(), ['rabbit@mq1', 'rabbit@mq2', 'rabbit@mq3']);
  for (const url of cluster.urls) await (await connect(url)).close();
});

test('publishes ports on this machine only', async () => {
  const { stdout } = await promisify(execFile)('docker', ['port', String(cluster.containers[0])]);
  assert.is(stdout.trim().split('\n').length, 4);
  assert.ok(stdout.match(/127\.0\.0\.1:/g)?.length === 4, stdout);
});

test('a confirmed message survives a killed node, which restarts on its ports', async () => {
  const queue = `cluster-test-${randomUUID()}`;
  const first = await connect(String(cluster.urls[0]));
  // The connection ends with its node.
  first.on('error', () => undefined);
  const channel = await first.createConfirmChannel();
  channel.on('error', () => undefined);
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  assert.equal(await membersOf(queue), ['rabbit@mq1', 'rabbit@mq2', 'rabbit@mq3']);
  channel.sendToQueue(queue, Buffer.from('kept'), { persistent: true });
  await channel.waitForConfirms();

  await cluster.kill(0);
  assert.is((await cluster.states())[0]?.state, 'stopped');
  // RabbitMQ 4.0 closes the connection (541, nodedown) of a request before the queue has a new leader.
  const message = await until('the message comes from another node', () =>
    onNode(1, (other) => other.get(queue, { noAck: true })).catch(() => undefined),
  );
  assert.is(message.content.toString(), 'kept');

  await cluster.start(0);
  await onNode(0, (other) => other.deleteQueue(queue));
});

test('heal undoes faults on all nodes at once', async () => {
  await Promise.all([cluster.kill(0), cluster.pause(1), cluster.disconnect(2)]);
  const states = await cluster.states();
  assert.equal(
    states.map(({ state, isConnected }) => `${state} ${isConnected}`),
    ['stopped true', 'paused true', 'running false'],
  );
  await cluster.heal();
  for (const { state, isConnected } of await cluster.states()) assert.is(`${state} ${isConnected}`, 'running true');
  await cluster.ready();
});

test('refuses the name of an existing cluster, and does not remove it', async () => {
  assert.is(await codeOf(startCluster({ image, name: cluster.name })), 'SYSTEM');
  await cluster.ready();
});

test('reports a missing image with a hint, and leaves nothing behind', async () => {
  const name = `mq-test-${randomUUID()}`;
  const error = await failureOf(startCluster({ image: 'mq-absent:1', name }));
  assert.is(error.code, 'SYSTEM');
  assert.match(error.hint ?? '', 'test/setup');
  assert.equal(await leftOf(name), []);
});

test('an interrupted start leaves nothing behind', async () => {
  const name = `mq-test-${randomUUID()}`;
  const stop = new AbortController();
  const start = codeOf(startCluster({ image, name, nodes: 1, signal: stop.signal }));
  await until('there is a container', async () => (await clusterNames()).includes(name));
  stop.abort();
  assert.is(await start, 'INTERRUPTED');
  assert.equal(await leftOf(name), []);
});

test('down removes containers, data and network', async () => {
  const name = `mq-test-${randomUUID()}`;
  const small = await startCluster({ image, name, nodes: 1, owner: process.pid });
  assert.equal(await leftOf(name), ['container', 'network']);
  assert.equal(JSON.parse(JSON.stringify(await attachCluster({ name }))), JSON.parse(JSON.stringify(small)));
  await small.down();
  assert.equal(await leftOf(name), []);
  assert.is(await codeOf(attachCluster({ name })), 'UNAVAILABLE');
});

test('removes only the clusters of ended processes', async () => {
  const name = `mq-test-${randomUUID()}`;
  const { pid } = spawnSync(node, ['--version']);
  await startCluster({ image, name, nodes: 1, owner: pid });
  const swept = await sweep({ isAlive: (owner) => owner !== pid });
  assert.equal(swept, [name]);
  assert.equal(await leftOf(name), []);
  assert.ok((await clusterNames()).includes(cluster.name));
});

/** Runs `work` on a channel of a new connection to the node. */
async function onNode<T>(node: number, work: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await connect(String(cluster.urls[node]));
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    return await work(channel);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

/** Returns the Erlang names of the members of a quorum queue in the default vhost. */
async function membersOf(queue: string): Promise<string[]> {
  const { origin, username, password } = new URL(String(cluster.managementUrls[0]));
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return until('the queue has three members', async () => {
    const response = await fetch(`${origin}/api/queues/%2F/${queue}`, { headers: { authorization } });
    const { members } = (await response.json()) as { members?: string[] };
    return members?.length === 3 && members.sort();
  });
}

/** Returns the containers and networks of a cluster in Docker. */
async function leftOf(name: string): Promise<string[]> {
  const list = async (kind: string, ...options: string[]) => {
    const filter = ['--filter', `label=mq.cluster=${name}`];
    const { stdout } = await promisify(execFile)('docker', [kind, 'ls', '--quiet', ...options, ...filter]);
    return stdout === '' ? [] : [kind];
  };
  return [...(await list('container', '--all')), ...(await list('network'))];
}

async function failureOf(work: Promise<unknown>): Promise<MqError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MqError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return (await failureOf(work)).code;
}

test.run();
