// Tests the limits of a receiving role: --count, --idle, --until-empty, --prefetch, --concurrency.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const fill = (count: number) =>
  roles.run(['task', '--lines'], { input: Array.from({ length: count }, (_, index) => String(index)).join('\n') });

test('--count receives that many messages and leaves the prefetched rest', async () => {
  await fill(10);
  const { status, stdout } = await roles.run(['worker', '--prefetch', '10', '--count', '3']);
  assert.equal({ status, stdout }, { status: 0, stdout: '0\n1\n2\n' });
  const rest = await roles.run(['worker', '--count', '7']);
  assert.is(rest.stdout, '3\n4\n5\n6\n7\n8\n9\n');
  assert.is(await roles.held('task_queue'), 0);
});

test('--until-empty ends when the queue is empty and all work is done', async () => {
  const empty = await roles.run(['worker', '--until-empty']);
  assert.equal([empty.status, empty.stdout], [0, '']);
  await fill(50);
  const { status, stdout } = await roles.run(['worker', '--prefetch', '7', '--until-empty']);
  assert.is(status, 0);
  assert.is(lines(stdout).length, 50);
});

test('--idle ends after a time without messages and without work', async () => {
  const idle = await roles.run(['worker', '--idle', '0.5']);
  assert.equal([idle.status, idle.stdout], [0, '']);

  await roles.run(['task', 'long....']);
  const { status, stdout } = await roles.run(['worker', '--idle', '3']);
  assert.equal({ status, stdout }, { status: 0, stdout: 'long....\n' });
});

test('a longer handler timeout sets the consumer timeout of the broker', async () => {
  const queues = { slow: { options: { durable: true, arguments: { 'x-queue-type': 'quorum' } } } };
  const config = {
    vhosts: { '/': { queues } },
    subscriptions: { slow: { queue: 'slow' } },
    mq: { roles: { patient: { consume: 'slow', handler: { exec: ['true'], timeout: '40m' } } } },
  };
  const receiver = await roles.receiver(['patient'], { cwd: emptyFolder({ 'rascal.json': JSON.stringify(config) }) });
  const consumers = () =>
    roles.vhost.api('GET', `/api/consumers/${roles.vhost.name}`) as Promise<{ arguments: Record<string, unknown> }[]>;
  const [found] = await until('the consumer is listed', async () => {
    const all = await consumers();
    return all.length === 1 && all;
  });
  assert.is(found?.arguments['x-consumer-timeout'], 41 * 60_000);
  await receiver.stop();
  await until('the consumer is gone', async () => (await consumers()).length === 0);
});

test('--prefetch sets the prefetch of the consumer', async () => {
  const list = async () =>
    (
      (await roles.vhost.api('GET', `/api/consumers/${roles.vhost.name}`)) as {
        queue: { name: string };
        prefetch_count: number;
      }[]
    ).map(({ queue, prefetch_count: count }) => `${queue.name} ${count}`);
  const commands = [['worker'], ['consumer'], ['worker', '--prefetch', '42'], ['worker', '--concurrency', '5']];
  const receivers = await Promise.all(commands.map((args) => roles.receiver(args)));
  const found = await until('the consumers are listed', async () => {
    const all = await list();
    return all.length === commands.length && all;
  });
  assert.equal(found.toSorted(), ['hello 10', 'task_queue 1', 'task_queue 42', 'task_queue 5']);
  for (const receiver of receivers) await receiver.stop();
});

test('--concurrency is the exact number of concurrent handlers', async () => {
  // Each handler waits until three handlers run. With a lower concurrency they would wait for ever, and with a higher
  // concurrency the logged maximum would be above 3.
  const handler = `
    let inside = 0, most = 0, gate = Promise.withResolvers();
    export default async ({ text }: { text: string }, { log }: { log(text: string): void }) => {
      inside += 1;
      most = Math.max(most, inside);
      if (inside === 3) { gate.resolve(); gate = Promise.withResolvers(); inside = 0; }
      else await gate.promise;
      log('most: ' + most);
    };`;
  await fill(12);
  const cwd = emptyFolder({ 'barrier.ts': handler });
  const limits = ['--prefetch', '9', '--concurrency', '3', '--count', '12'];
  const { status, stdout, stderr } = await roles.run(['worker', ...limits, '--handler', 'barrier.ts'], { cwd });
  assert.is(status, 0);
  assert.is(lines(stdout).length, 12);
  assert.equal(
    lines(stderr).flatMap((line) => /: (most: \d+)$/.exec(line)?.[1] ?? []),
    Array(12).fill('most: 3'),
  );
});

test.run();
