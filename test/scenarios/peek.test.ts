// mq peek prints messages of any queue, loses none, and keeps their order.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
// Without the option, each basic.get after an acknowledgement waits 40 ms (Nagle's algorithm).
const connection = await connect(roles.vhost.urls[0] ?? '', { noDelay: true });
const channel = await connection.createConfirmChannel();
test.after.each(roles.killLeft);
test.after(async () => {
  await connection.close();
  await roles.end();
});

const env = { MQ_MANAGEMENT_URL: roles.vhost.managementUrls.join(',') };
const peek = (...args: string[]) => roles.runHere(['peek', ...args], { env });

/** RabbitMQ 4.0 to 4.2 count a returned message of a quorum queue as a failed delivery. */
const { rabbitmq_version: version } = (await roles.vhost.api('GET', '/api/overview')) as { rabbitmq_version: string };
const countsLooks = /^4\.[012]\./.test(version);

/** The quorum queues with their arguments. */
const quorumQueues: Readonly<Record<string, object>> = {
  'looks-quorum': {},
  'killed-quorum': { 'x-delivery-limit': 100 },
  'many-quorum': {},
  'consumed-quorum': { 'x-delivery-limit': 100 },
  'partly-quorum': { 'x-delivery-limit': 100 },
  'at-limit': { 'x-delivery-limit': 5 },
  'limited-by-policy': {},
  'unknown-limit': {},
  'singly-quorum': { 'x-single-active-consumer': true },
};
await roles.vhost.api('PUT', `/api/policies/${roles.vhost.name}/few`, {
  pattern: '^limited-by-policy$',
  definition: { 'delivery-limit': 2 },
  'apply-to': 'queues',
});
// RabbitMQ reports the policies of a new queue after some seconds, and mq peek waits for them. Here it waits only once.
for (const [queue, more] of Object.entries(quorumQueues))
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', ...more } });

/** Declares a queue and publishes these bodies to it. */
async function filled(
  queue: string,
  type: string,
  bodies: readonly string[],
  more = quorumQueues[queue] ?? {},
): Promise<void> {
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type, ...more } });
  for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
  await channel.waitForConfirms();
}

/** Removes all messages of a queue, and returns their bodies. Waits until the queue has `count` of them. */
async function drained(queue: string, count: number): Promise<string[]> {
  await until(`${count} messages in ${queue}`, async () => (await channel.checkQueue(queue)).messageCount === count);
  const bodies: string[] = [];
  for (let got = await channel.get(queue); got; got = await channel.get(queue)) {
    bodies.push(got.content.toString());
    channel.ack(got);
  }
  return bodies;
}

test('a look at a classic queue uses up no attempt, and is warned about', async () => {
  const queue = 'marked-classic';
  await filled(queue, 'classic', ['a']);
  const { status, stderr } = await peek(queue);
  assert.is(status, 0, stderr);
  assert.match(stderr, /^mq peek: a classic queue marks these messages as redelivered; /m);
  const config = {
    vhosts: { '/': { queues: { [queue]: {} } } },
    subscriptions: { marked: { queue } },
    mq: {
      retry: { attempts: 1, delays: [100] },
      roles: { marked: { behaviour: 'consume', subscription: 'marked', handler: { exec: ['cat'] } } },
    },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  const worker = await roles.run(['marked', '--count', '1'], { cwd });
  assert.equal([worker.status, worker.stdout], [0, 'a'], worker.stderr);
});

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));
const bodiesOf = (stdout: string) => lines(stdout).map((line) => (JSON.parse(line) as { body: string }).body);

for (const type of ['classic', 'quorum']) {
  test(`25 looks at a ${type} queue lose nothing and keep the order`, async () => {
    const [queue, bodies] = [`looks-${type}`, numbers(10)];
    await filled(queue, type, bodies);
    let refused = 0;
    for (let look = 1; look <= 25; look += 1) {
      const { status, stdout, stderr } = await peek(queue, '--json');
      if (status === 78) refused += 1;
      else assert.equal([status, bodiesOf(stdout)], [0, bodies], `look ${look}: ${stderr}`);
    }
    assert.is(refused > 0, countsLooks && type === 'quorum', `${refused} looks were refused`);
    assert.equal(await drained(queue, 10), bodies);
  });

  test(`a look at a ${type} queue that is killed loses nothing and keeps the order`, async () => {
    const [queue, bodies] = [`killed-${type}`, numbers(600).map((number) => number.padEnd(2_000))];
    await filled(queue, type, bodies);
    // After SIGINT, a quorum queue has more returned messages than mq holds at once, and a kill would divide them.
    for (const signal of ['SIGKILL', 'SIGKILL', 'SIGINT'] as const) {
      // The test reads no output, so that mq waits with messages in hand.
      const held = spawn(executable, ['peek', queue, '--count', '600', '--json'], {
        cwd: emptyFolder(),
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], MQ_URL: roles.vhost.url, ...env },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await until('mq holds messages', async () => (await channel.checkQueue(queue)).messageCount < 600);
      held.kill(signal);
      held.stdout.destroy();
      await once(held, 'exit');
      await until('the broker has all', async () => (await channel.checkQueue(queue)).messageCount === 600);
    }
    assert.equal(await drained(queue, 600), bodies);
  });

  test(`a look at many messages of a ${type} queue keeps the order`, async () => {
    const [queue, bodies] = [`many-${type}`, numbers(700)];
    await filled(queue, type, bodies);
    for (const [count, seen] of [
      ['600', 600],
      ['5000', 700],
    ] as const)
      assert.equal(bodiesOf((await peek(queue, '--count', count, '--json')).stdout), bodies.slice(0, seen));
    assert.equal(await drained(queue, 700), bodies);
  });

  test(`looks at a part of a ${type} queue keep the order`, async () => {
    const [queue, bodies] = [`partly-${type}`, numbers(700)];
    await filled(queue, type, bodies);
    for (const count of [600, 1, 300, 2, 650, 1])
      assert.equal(bodiesOf((await peek(queue, '--count', `${count}`, '--json')).stdout), bodies.slice(0, count));
    const head = await roles.run(['record', '-', '--from', queue, '--count', '3'], { env });
    assert.is(head.status, 0, head.stderr);
    assert.equal(await drained(queue, 700), bodies);
  });

  test(`a look at a ${type} queue with a consumer loses nothing and names the consumer`, async () => {
    const [queue, bodies] = [`consumed-${type}`, numbers(3_000)];
    await filled(queue, type, bodies);
    const worker = await connection.createChannel();
    await worker.prefetch(5);
    const first = Promise.withResolvers<void>();
    const handled: string[] = [];
    await worker.consume(queue, (message) => {
      if (!message) return;
      const handle = () => {
        handled.push(message.content.toString());
        worker.ack(message);
      };
      first.promise.then(handle, () => undefined);
    });
    const waiting = await peek(queue, '--json');
    assert.equal([waiting.status, bodiesOf(waiting.stdout)], [0, bodies.slice(5, 15)], waiting.stderr);
    assert.match(waiting.stderr, /^mq peek: the queue has a consumer: /);
    first.resolve();
    for (let look = 0; look < 3; look += 1) assert.is((await peek(queue)).status, 0);
    await until('the worker has every message', () => new Set(handled).size === bodies.length);
    await worker.close();
    assert.is((await channel.checkQueue(queue)).messageCount, 0);
  });
}

test('a message at its delivery limit is refused, and stays in the queue', async () => {
  const queue = 'at-limit';
  await filled(queue, 'quorum', ['a', 'b']);
  for (let failed = 0; failed < 5; failed += 1) {
    const got = await until('the message', () => channel.get(queue));
    channel.reject(got, true);
  }
  await until('the messages', async () => (await channel.checkQueue(queue)).messageCount === 2);
  for (let look = 0; look < 3; look += 1) {
    const { status, stdout, stderr } = await peek(queue);
    // The second message has no failed delivery, so RabbitMQ 4.0 permits a look after the first one has moved to the end.
    if (look === 0 || !countsLooks) {
      assert.equal([status, stdout], [78, ''], stderr);
      assert.match(stderr, /a message of 'at-limit' has 5 failed deliveries of at most 5/);
    }
  }
  assert.equal((await drained(queue, 2)).toSorted(), ['a', 'b']);
});

test('a delivery limit from a policy is respected', async () => {
  const queue = 'limited-by-policy';
  await filled(queue, 'quorum', ['a']);
  for (let look = 0; look < 5; look += 1) {
    const { status, stderr } = await peek(queue);
    assert.is(status, countsLooks ? 78 : 0, stderr);
    if (countsLooks) assert.match(stderr, /counts each look .* the queue permits only 2/);
  }
  assert.equal(await drained(queue, 1), ['a']);
});

test('without a management API, a look that would count is refused', async () => {
  const queue = 'unknown-limit';
  await filled(queue, 'quorum', ['a']);
  const { status, stderr } = await roles.run(['peek', queue], { env: { MQ_MANAGEMENT_URL: 'http://127.0.0.1:1' } });
  assert.is(status, countsLooks ? 78 : 0, stderr);
  if (countsLooks) assert.match(stderr, /the delivery limit of the queue is not known/);
});

test('a classic queue with an exclusive or single active consumer is shown', async () => {
  const worker = await connection.createChannel();
  await worker.prefetch(1);
  for (const [queue, own, more] of [
    ['used-exclusively', { exclusive: true }, {}],
    ['singly-active', {}, { 'x-single-active-consumer': true }],
  ] as const) {
    await filled(queue, 'classic', ['a', 'b', 'c'], more);
    await new Promise((resolve) => worker.consume(queue, resolve, own));
    const { status, stdout, stderr } = await peek(queue, '--json');
    assert.equal([status, bodiesOf(stdout)], [0, ['b', 'c']], stderr);
  }
  await worker.close();
  assert.equal(await drained('singly-active', 3), ['a', 'b', 'c']);
});

test('a quorum queue with an active single consumer is refused', async () => {
  const worker = await connection.createChannel();
  await worker.prefetch(1);
  await filled('singly-quorum', 'quorum', ['a', 'b']);
  await new Promise((resolve) => worker.consume('singly-quorum', resolve));
  const { status, stdout, stderr } = await peek('singly-quorum');
  assert.equal([status, stdout], [75, ''], stderr);
  assert.match(stderr, /delivers only to its single active consumer \[IN_USE\]/);
  await worker.close();
  await until('both are back', async () => (await channel.checkQueue('singly-quorum')).messageCount === 2);
});

test('an exclusive queue of another connection and a missing queue are refused', async () => {
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const owned = await peek(queue);
  assert.equal([owned.status, owned.stdout], [78, '']);
  assert.match(owned.stderr, /is exclusive: only the connection that owns it can read it/);
  assert.is((await peek('no-such-queue')).status, 78);
});

test('messages are printed by priority, with all headers, and filtered', async () => {
  const queue = 'urgent';
  await filled(queue, 'classic', [], { 'x-max-priority': 5 });
  for (const [body, priority] of [
    ['low', 0],
    ['high', 5],
  ] as const)
    channel.sendToQueue(queue, Buffer.from(body), { priority, headers: { shade: body, 'x-mq-attempt': 2 } });
  channel.sendToQueue(queue, Buffer.from([0xff, 0]), { messageId: 'bytes' });
  await channel.waitForConfirms();
  const all = lines((await peek(queue, '--json')).stdout).map((line) => JSON.parse(line));
  assert.equal(
    all.map(({ body, encoding }) => [body, encoding]),
    [
      ['high', 'utf8'],
      ['low', 'utf8'],
      ['/wA=', 'base64'],
    ],
  );
  assert.equal(all[0].headers, { shade: 'high', 'x-mq-attempt': 2 });
  assert.equal(all[0].fields, { exchange: '', routingKey: queue, redelivered: false, queue });
  const filtered = await peek(queue, '--filter', 'shade=low', '--no-headers');
  assert.is(filtered.stdout, '-\t-\turgent\t3\ttrue\tlow\n');
  assert.is((await peek(queue, '--filter', 'key=other', '--no-headers')).stdout, '');
});

test.run();
