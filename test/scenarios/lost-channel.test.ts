// A message whose connection is lost does not run a second time at once and is not published twice, and its attempts
// are counted correctly.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { untilMetric } from '../support/metrics.ts';
import { emptyFolder, type RunningMq } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const { name: vhost, api } = roles.vhost;
const account = await roles.account();

interface Place {
  readonly type: string;
  readonly status: number;
  readonly prefetch?: number;
  readonly limit?: number;
}

/** Makes a folder with a queue, a publication, a subscription, and a handler that waits until `go` exists. */
function place(queue: string, { type, status, prefetch = 1, limit }: Place) {
  const limited = limit === undefined ? {} : { 'x-delivery-limit': limit };
  const options = { durable: true, arguments: { 'x-queue-type': type, ...limited } };
  const config = {
    vhosts: { '/': { queues: { [queue]: { options } } } },
    publications: { to: { queue } },
    subscriptions: { from: { queue, prefetch } },
    mq: { retry: { attempts: 2, delays: [100] } },
  };
  const script = `#!/bin/sh\nread -r body\necho "$body" >> runs\necho begin >&2\nuntil [ -e go ]; do sleep 0.05; done\nexit ${status}\n`;
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config), 'hold.sh': script });
  chmodSync(join(cwd, 'hold.sh'), 0o755);
  return {
    cwd,
    runs: () => lines(readFileSync(join(cwd, 'runs'), 'utf8')),
    go: () => writeFileSync(join(cwd, 'go'), ''),
  };
}

/** Starts a receiver with the account, so that its two connections are the only ones of the account. */
const receiverFrom = (cwd: string, ...args: readonly string[]) =>
  roles.receiver(['subscribe', 'from', ...args, '--exec', './hold.sh'], { cwd, env: account.env });

/** Closes the consuming connection of the role, but not its publishing connection. */
async function loseConsumer(receiver: RunningMq): Promise<void> {
  const name = await until('the consumer is listed', async () => {
    const all = (await api('GET', `/api/consumers/${vhost}`)) as { channel_details: { connection_name?: string } }[];
    const names = all.map(({ channel_details: { connection_name: connection } }) => connection);
    return (await account.connections()).find((connection) => names.includes(connection));
  });
  await api('DELETE', `/api/connections/${encodeURIComponent(name)}`);
  await receiver.prints(connectedAgain(1), 'stderr');
}

/** Closes all connections of the role three times, and waits for a metric after each time. */
async function loseConnections(receiver: RunningMq, metrics: (readonly [string, number])[] = []): Promise<void> {
  for (let time = 1; time <= 3; time += 1) {
    await account.closeConnections(2);
    await receiver.prints(connectedAgain(time), 'stderr');
    const [name, value] = metrics[time - 1] ?? [];
    if (name !== undefined) await untilMetric(receiver, name, value);
  }
}

const connectedAgain = (times: number) => new RegExp(`(connected again\\n[^]*){${times}}`);

for (const type of ['classic', 'quorum']) {
  test(`a failure after a lost connection makes one dead letter, ${type}`, async () => {
    const queue = `fails-${type}`;
    const { cwd, runs, go } = place(queue, { type, status: 9 });
    assert.is((await roles.runHere(['publish', 'to', 'text'], { cwd })).status, 0);
    const receiver = await receiverFrom(cwd);
    await receiver.prints(/begin/, 'stderr');
    await loseConsumer(receiver);
    go();
    assert.is((await roles.take(`${queue}.dead`, 1))[0]!.payload, 'text');
    const { status, stderr } = await receiver.stop();
    assert.is(status, 0, stderr);
    assert.equal(runs(), ['text', 'text']);
    for (const empty of [queue, `${queue}.dead`, `${queue}.retry.100`]) assert.is(await roles.held(empty), 0, empty);
  });

  test(`a message without an id runs once in spite of lost connections, ${type}`, async () => {
    const queue = `anonymous-${type}`;
    const { cwd, runs, go } = place(queue, { type, status: 0 });
    const receiver = await receiverFrom(cwd, '--log-level', 'debug');
    const message = { routing_key: queue, payload: 'text', payload_encoding: 'string', properties: {} };
    await api('POST', `/api/exchanges/${vhost}/amq.default/publish`, message);
    await receiver.prints(/begin/, 'stderr');
    await loseConnections(receiver);
    go();
    // After a later message has run, the first message is either settled or redelivered.
    await roles.runHere(['publish', 'to', 'later'], { cwd });
    await until('the later message has run', () => runs().includes('later'));
    const { status, stderr } = await receiver.stop();
    assert.is(status, 0, stderr);
    assert.equal(runs(), ['text', 'later']);
    assert.is(await roles.held(queue), 0);
    assert.match(stderr, connectedAgain(3));
    const queues = (await api('GET', `/api/queues/${vhost}`)) as { name: string }[];
    assert.equal(
      queues.map(({ name }) => name).filter((name) => name.startsWith(queue)),
      [queue],
    );
  });
}

test('a waiting message runs once and keeps its attempts after a loss', async () => {
  const queue = 'waits';
  const { cwd, runs, go } = place(queue, { type: 'classic', status: 0, prefetch: 5 });
  const receiver = await receiverFrom(cwd, '--concurrency', '1');
  const bodies = ['a', 'b', 'c', 'd', 'e'];
  for (const payload of bodies) {
    const message = { routing_key: queue, payload, payload_encoding: 'string', properties: {} };
    await api('POST', `/api/exchanges/${vhost}/amq.default/publish`, message);
  }
  await receiver.prints(/begin/, 'stderr');
  await loseConnections(receiver);
  go();
  await until('all messages have run', () => runs().length >= 5);
  const { status, stderr } = await receiver.stop();
  assert.is(status, 0, stderr);
  assert.equal(runs().toSorted(), bodies);
  assert.is(await roles.held(queue), 0);
  assert.not.match(stderr, /attempt/);
});

test('the broker does not drop a message because of lost connections', async () => {
  const queue = 'limited';
  const { cwd, runs, go } = place(queue, { type: 'quorum', status: 9, prefetch: 2, limit: 2 });
  assert.is((await roles.runHere(['publish', 'to', '--lines'], { cwd, input: 'held\nwaits' })).status, 0);
  const receiver = await receiverFrom(cwd, '--concurrency', '1', '--metrics', '0');
  await receiver.prints(/begin/, 'stderr');
  await loseConnections(receiver, [
    ['mq_received_total', 2],
    // At its delivery limit, mq publishes the message again (the third delivery), and then receives the next one. The
    // connection must not be lost before the confirm, because the broker would drop the message, nor before the next
    // delivery has arrived, because mq would count a delivery that it has not seen as an attempt.
    ['mq_received_total', 4],
  ]);
  go();
  const dead = await roles.take(`${queue}.dead`, 2);
  const { status, stderr } = await receiver.stop();
  assert.is(status, 0, stderr);
  assert.equal(dead.map(({ payload }) => payload).toSorted(), ['held', 'waits']);
  const attempts = (body: string) => runs().filter((run) => run === body).length;
  assert.is(attempts('waits'), 2, stderr);
  // One run for the lost delivery, and two attempts for the message that was published again.
  assert.is(attempts('held'), 3, stderr);
});

test.run();
