// Deliveries whose connection is lost: no second run beside the first, nothing published twice, nothing counted wrongly.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const { name: vhost, api } = roles.vhost;

interface Place {
  readonly type: string;
  readonly status: number;
  readonly prefetch?: number;
  readonly limit?: number;
}

/** A folder with a queue, a publication and a subscription; and the handler, which holds each message until `go` exists. */
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

/** Closes the connection of the vhost's only consumer. */
async function closeConsumer(): Promise<void> {
  const connection = await until('the consumer is listed', async () => {
    const [consumer] = (await api('GET', `/api/consumers/${vhost}`)) as {
      channel_details: { connection_name: string };
    }[];
    return consumer?.channel_details.connection_name;
  });
  await api('DELETE', `/api/connections/${encodeURIComponent(connection)}`);
}

const connectedAgain = (times: number) => new RegExp(`(connected again\\n[^]*){${times}}`);

for (const type of ['classic', 'quorum']) {
  test(`a message that fails after its connection was lost has one dead letter and its two attempts, ${type}`, async () => {
    const queue = `fails-${type}`;
    const { cwd, runs, go } = place(queue, { type, status: 9 });
    assert.is((await roles.run(['publish', 'to', 'text'], { cwd })).status, 0);
    const receiver = await roles.receiver(['subscribe', 'from', '--idle', '2', '--exec', './hold.sh'], { cwd });
    await receiver.prints(/begin/, 'stderr');
    await closeConsumer();
    await receiver.prints(connectedAgain(1), 'stderr');
    go();
    const { status, stderr } = await receiver.ended;
    assert.is(status, 0, stderr);
    assert.equal(runs(), ['text', 'text']);
    assert.is((await roles.take(`${queue}.dead`, 1))[0]!.payload, 'text');
    for (const empty of [queue, `${queue}.dead`, `${queue}.retry.100`]) assert.is(await roles.held(empty), 0, empty);
  });

  test(`a message whose connection is lost three times runs once and is acked, without a message-id, ${type}`, async () => {
    const queue = `anonymous-${type}`;
    const { cwd, runs, go } = place(queue, { type, status: 0 });
    const args = ['subscribe', 'from', '--log-level', 'debug', '--exec', './hold.sh'];
    const receiver = await roles.receiver(args, { cwd });
    const message = { routing_key: queue, payload: 'text', payload_encoding: 'string', properties: {} };
    await api('POST', `/api/exchanges/${vhost}/amq.default/publish`, message);
    await receiver.prints(/begin/, 'stderr');
    for (let time = 1; time <= 3; time += 1) {
      await closeConsumer();
      await receiver.prints(connectedAgain(time), 'stderr');
    }
    go();
    // A later message is handled: the first one is settled, or stands behind it.
    await roles.run(['publish', 'to', 'later'], { cwd });
    await until('the later one has run', () => runs().includes('later'));
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

test('what waits for a handler when the connection is lost runs once, and no attempt of it is counted', async () => {
  const queue = 'waits';
  const { cwd, runs, go } = place(queue, { type: 'classic', status: 0, prefetch: 5 });
  const options = ['--concurrency', '1', '--exec', './hold.sh'];
  const receiver = await roles.receiver(['subscribe', 'from', ...options], { cwd });
  const bodies = ['a', 'b', 'c', 'd', 'e'];
  for (const payload of bodies) {
    const message = { routing_key: queue, payload, payload_encoding: 'string', properties: {} };
    await api('POST', `/api/exchanges/${vhost}/amq.default/publish`, message);
  }
  await receiver.prints(/begin/, 'stderr');
  for (let time = 1; time <= 3; time += 1) {
    await closeConsumer();
    await receiver.prints(connectedAgain(time), 'stderr');
  }
  go();
  await until('all have run', () => runs().length >= 5);
  const { status, stderr } = await receiver.stop();
  assert.is(status, 0, stderr);
  assert.equal(runs().toSorted(), bodies);
  assert.is(await roles.held(queue), 0);
  assert.not.match(stderr, /attempt/);
});

test('the broker drops no message whose connection is lost more often than its queue permits', async () => {
  const queue = 'limited';
  const { cwd, runs, go } = place(queue, { type: 'quorum', status: 9, prefetch: 2, limit: 2 });
  assert.is((await roles.run(['publish', 'to', '--lines'], { cwd, input: 'held\nwaits' })).status, 0);
  const options = ['--idle', '2', '--concurrency', '1', '--exec', './hold.sh'];
  const receiver = await roles.receiver(['subscribe', 'from', ...options], { cwd });
  await receiver.prints(/begin/, 'stderr');
  for (let time = 1; time <= 3; time += 1) {
    await closeConsumer();
    await receiver.prints(connectedAgain(time), 'stderr');
  }
  go();
  const { status, stderr } = await receiver.ended;
  assert.is(status, 0, stderr);
  const dead = await roles.take(`${queue}.dead`, 2);
  assert.equal(dead.map(({ payload }) => payload).toSorted(), ['held', 'waits']);
  const attempts = (body: string) => runs().filter((run) => run === body).length;
  assert.is(attempts('waits'), 2, stderr);
  // The run whose delivery was lost, and the two attempts of the message that was published again.
  assert.is(attempts('held'), 3, stderr);
});

test.run();
