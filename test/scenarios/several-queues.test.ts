// One role that receives from several subscriptions in turn.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { untilMetric } from '../support/metrics.ts';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

/** Makes a folder whose role `both` receives from the queues a.NAME and b.NAME. */
function folder(name: string, exec: string, types: readonly [string, string] = ['quorum', 'classic']): string {
  const names = [`a.${name}`, `b.${name}`];
  const of = <T>(value: (queue: string, index: number) => T) =>
    Object.fromEntries(names.map((queue, index) => [queue, value(queue, index)]));
  const config = {
    vhosts: {
      '/': { queues: of((_, i) => ({ options: { durable: true, arguments: { 'x-queue-type': types[i] } } })) },
    },
    publications: of((queue) => ({ queue })),
    subscriptions: of((queue) => ({ queue, prefetch: 1 })),
    mq: {
      retry: { attempts: 2, delays: [100] },
      subscriptions: { [`b.${name}`]: { retry: { delays: [200] } } },
      roles: { both: { behaviour: 'consume', subscriptions: names, handler: { exec: ['sh', '-c', exec] } } },
    },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

const fill = (cwd: string, queue: string, count: number) =>
  roles.runHere(['publish', queue, '--lines'], {
    cwd,
    input: Array.from({ length: count }, (_, index) => String(index)).join('\n'),
  });

const events = (log: string) => lines(log).map((line) => JSON.parse(line) as Record<string, unknown>);

/** Returns the length of the longest run of equal words. */
function longestRun(words: readonly string[]): number {
  let [longest, run] = [0, 0];
  for (const [index, word] of words.entries()) {
    run = word === words[index - 1] ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return longest;
}

test('two queues are served in turn until both are empty', async () => {
  const cwd = folder('turn', 'until [ -e go ]; do sleep 0.05; done; echo $MQ_QUEUE');
  for (const queue of ['a.turn', 'b.turn']) await fill(cwd, queue, 50);
  const args = ['both', '--concurrency', '1', '--prefetch', '50', '--until-empty', '--metrics', '0'];
  const worker = await roles.receiver(args, { cwd });
  // All messages are prefetched before the first one is handled, so that both queues always have a message.
  await untilMetric(worker, 'mq_received_total', 100);
  writeFileSync(join(cwd, 'go'), '');
  const { status, stdout, stderr } = await worker.ended;
  assert.is(status, 0, stderr);
  const served = lines(stdout).map((queue) => queue.replace('.turn', ''));
  assert.equal([served.filter((one) => one === 'a').length, served.length], [50, 100]);
  assert.is(longestRun(served), 1, served.join(''));
  assert.equal([await roles.held('a.turn'), await roles.held('b.turn')], [0, 0]);
});

test('mq subscribe accepts several names and a pattern; --count is the sum', async () => {
  const cwd = folder('names', 'true');
  for (const queue of ['a.names', 'b.names']) await fill(cwd, queue, 3);
  for (const [args, count] of [
    [['a.names', 'b.names'], 4],
    [['*.names'], 2],
  ] as const) {
    const { status, stdout } = await roles.run(['subscribe', ...args, '--count', String(count)], { cwd });
    assert.equal([status, lines(stdout).length], [0, count]);
  }
  assert.is((await roles.held('a.names')) + (await roles.held('b.names')), 0);
  const { status, stderr } = await roles.run(['subscribe', 'c.*'], { cwd });
  assert.is(status, 64);
  assert.match(stderr, "no subscription matches 'c.*' [USAGE]");
});

test('a failed message is retried with the settings of its subscription', async () => {
  const cwd = folder('fail', 'exit 9');
  for (const queue of ['a.fail', 'b.fail']) await fill(cwd, queue, 1);
  const { status, stderr } = await roles.run(['both', '--count', '4', '--log', 'json'], { cwd });
  assert.is(status, 0);
  for (const queue of ['a.fail', 'b.fail']) {
    const own = events(stderr).filter((event) => event['queue'] === queue);
    assert.equal(
      own.map(({ event }) => event),
      ['consuming', 'retry', 'dead-letter'],
    );
    const [dead] = await roles.take(`${queue}.dead`, 1);
    const { headers = {} } = dead!.properties;
    assert.equal([headers['x-mq-queue'], headers['x-mq-attempt']], [queue, 2]);
  }
  const queues = (await roles.vhost.api('GET', `/api/queues/${roles.vhost.name}`)) as { name: string }[];
  const waits = queues.map(({ name }) => name).filter((name) => /\.fail\.retry\./.test(name));
  for (const wait of ['a.fail.retry.100', 'b.fail.retry.200']) assert.ok(waits.includes(wait), waits.join());
});

test('SIGTERM waits for the handlers of both queues and requeues the rest', async () => {
  const cwd = folder(
    'drain',
    'echo "begun $MQ_QUEUE" >&2; until [ -e go ]; do sleep 0.05; done; echo "$MQ_QUEUE $(cat)"',
  );
  const queues = ['a.drain', 'b.drain'];
  for (const queue of queues) await fill(cwd, queue, 1);
  const worker = await roles.receiver(['both', '--prefetch', '2', '--concurrency', '2'], { cwd });
  for (const queue of queues) await worker.prints(new RegExp(`begun ${queue}`), 'stderr');
  for (const queue of queues) await fill(cwd, queue, 2);
  worker.kill('SIGTERM');
  await worker.prints(/stopping: 2 messages in hand/, 'stderr');
  writeFileSync(join(cwd, 'go'), '');
  const { status, stdout } = await worker.ended;
  assert.equal([status, lines(stdout).toSorted()], [0, ['a.drain 0', 'b.drain 0']]);
  for (const queue of queues) assert.is(await roles.held(queue), 2);
});

test('a missing queue prevents the role from consuming the other queue', async () => {
  const cwd = folder('gone', 'true');
  await fill(cwd, 'a.gone', 1);
  const config = {
    vhosts: { '/': { queues: { 'a.gone': { assert: false }, 'b.missing': { assert: false } } } },
    subscriptions: { 'a.gone': { queue: 'a.gone' }, 'b.missing': { queue: 'b.missing' } },
  };
  const other = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  const { status, stderr } = await roles.run(['subscribe', 'a.gone', 'b.missing'], { cwd: other });
  assert.is.not(status, 0);
  assert.match(stderr, 'b.missing');
});

test('the role ends with the failure of one queue after all handlers end', async () => {
  const cwd = folder(
    'exit',
    'case $MQ_QUEUE in b.*) touch b; sleep 0.5;; *) until [ -e b ]; do sleep 0.05; done; exit 79;; esac',
  );
  for (const queue of ['b.exit', 'a.exit']) await fill(cwd, queue, 1);
  const { status } = await roles.run(['both', '--prefetch', '2', '--concurrency', '2'], { cwd });
  assert.equal([status, await roles.held('a.exit'), await roles.held('b.exit')], [1, 1, 0]);
});

test.run();
