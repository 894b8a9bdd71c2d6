// A sending role reports the outcome of each message in order: confirmed or refused.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, type MqResult } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

interface Outcome {
  readonly number: number;
  readonly messageId: string;
  readonly outcome: string;
  readonly code?: string;
}

const outcomesOf = ({ stdout }: MqResult): Outcome[] => lines(stdout).map((line) => JSON.parse(line));
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`);

for (const options of [[], ['--prefetch', '250', '--concurrency', '1']]) {
  test(`one worker receives 10,000 lines in order ${options.join(' ')}`, async () => {
    const input = `${numbered(10_000).join('\n')}\n`;
    const worker = await roles.receiver(['worker', ...options, '--count', '10000']);
    const { status, stderr } = await roles.run(['task', '--lines'], { input });
    assert.equal({ status, stderr }, { status: 0, stderr: '' });
    const ended = await worker.ended;
    assert.is(ended.status, 0);
    assert.ok(ended.stdout === input, 'each line arrives once, in order');
  });
}

test('--json reports each confirmed message in order', async () => {
  const sent = await roles.run(['task', '--lines', '--json'], { input: numbered(1000).join('\n') });
  assert.is(sent.status, 0);
  const outcomes = outcomesOf(sent);
  assert.equal(
    outcomes.map(({ number }) => number),
    numbered(1000).map((_, index) => index + 1),
  );
  assert.ok(outcomes.every(({ outcome }) => outcome === 'confirmed'));
  assert.is(new Set(outcomes.map(({ messageId }) => messageId)).size, 1000);
  const received = await roles.run(['worker', '--prefetch', '100', '--count', '1000', '--json']);
  const ids = lines(received.stdout).map((line) => JSON.parse(line).properties.messageId);
  assert.equal(
    ids,
    outcomes.map(({ messageId }) => messageId),
  );
});

test('an unroutable line is reported, and the other lines are sent', async () => {
  const task = roles.start(['task', '--lines', '--json']);
  task.stdin.write('good 1\n');
  await task.prints(/"number":1,/);
  await roles.deleteQueue('task_queue');
  task.stdin.write('lost 2\n');
  await task.prints(/"number":2,/);
  await roles.run(['task', 'elsewhere']); // declares the queue again
  task.stdin.end('good 3\n');
  const ended = await task.ended;
  assert.equal(
    outcomesOf(ended).map(({ outcome, code }) => [outcome, code]),
    [
      ['confirmed', undefined],
      ['refused', 'UNROUTABLE'],
      ['confirmed', undefined],
    ],
  );
  assert.is(ended.status, 67);
  const { exit, message } = JSON.parse(lines(ended.stderr).at(-1)!) as { exit: number; message: string };
  assert.is(exit, 67);
  assert.match(message, /2 of 3 messages confirmed, 1 not/);
  assert.equal(
    (await roles.take('task_queue', 2)).map(({ payload }) => payload),
    ['elsewhere', 'good 3'],
  );
});

for (const type of ['classic', 'quorum']) {
  test(`a full ${type} queue refuses messages (reject-publish)`, async () => {
    const queue = `full-${type}`;
    const limit = { 'x-queue-type': type, 'x-max-length': 5, 'x-overflow': 'reject-publish' };
    const config = {
      vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: limit } } } } },
      publications: { full: { queue } },
    };
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
    const publish = ['publish', 'full', '--lines', '--json', '--window', '1'];
    const sent = await roles.run(publish, { cwd, input: numbered(30).join('\n') });
    assert.is(sent.status, 75);
    const outcomes = outcomesOf(sent);
    const confirmed = outcomes.filter(({ outcome }) => outcome === 'confirmed');
    const refused = outcomes.filter(({ outcome, code }) => outcome === 'refused' && code === 'REFUSED');
    assert.is(confirmed.length + refused.length, 30);
    // RabbitMQ: a quorum queue's limit is soft.
    if (type === 'classic') assert.is(confirmed.length, 5);
    assert.ok(refused.length > 0);
    assert.match(sent.stderr, /"code":"REFUSED"/);
    const held = await roles.take(queue, confirmed.length);
    assert.equal(
      held.map(({ payload }) => payload),
      confirmed.map(({ number }) => `line ${number}`),
    );
    assert.is(await roles.held(queue), 0);
  });
}

test('SIGTERM ends a sender with 143 after its messages are confirmed', async () => {
  await roles.run(['worker', '--until-empty']);
  const task = roles.start(['task', '--lines', '--json']);
  task.stdin.write('one\ntwo\nthr');
  await task.prints(/"number":2,/);
  const { status, stdout, stderr } = await task.stop();
  assert.is(status, 143);
  assert.is(lines(stdout).length, 2);
  assert.match(JSON.parse(lines(stderr).at(-1)!).message, /^stopped by SIGTERM: 2 messages are confirmed/);
  assert.equal(
    (await roles.take('task_queue', 2)).map(({ payload }) => payload),
    ['one', 'two'],
  );
  assert.is(await roles.held('task_queue'), 0);
});

test.run();
