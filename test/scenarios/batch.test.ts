// Tests batches of messages, recycled processes, and --max-time.

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

const module = `
export const batch = (messages, context) => {
  context.log('batch of ' + messages.length);
  return messages.map(({ text }) => (text === 'bad' ? { type: 'dead-letter', reason: 'bad' } : undefined));
};`;

test('each message of a batch has its own outcome', async () => {
  await roles.runHere(['task', '--lines'], { input: 'one\ntwo\nbad\nfour\nfive\n' });
  const cwd = emptyFolder({ 'batch.ts': module });
  const options = ['--batch', '3', '--batch-wait', '1h', '--count', '5', '--handler', 'batch.ts'];
  const { status, stdout, stderr } = await roles.run(['worker', ...options], { cwd });
  assert.is(status, 0, stderr);
  assert.equal(lines(stdout).toSorted(), ['five', 'four', 'one', 'two']);
  assert.match(stderr, /^batch of 3$/m);
  assert.equal(
    (await roles.take('task_queue.dead', 1)).map(({ payload }) => payload),
    ['bad'],
  );
});

for (const [what, options] of [
  ['--count is reached', ['--count', '3']],
  ['--until-empty finds the queue empty', ['--until-empty']],
] as const) {
  test(`an incomplete batch starts at once when ${what}`, async () => {
    await roles.runHere(['task', '--lines'], { input: 'one\ntwo\nthree\n' });
    const cwd = emptyFolder({ 'batch.ts': module });
    const handler = ['--batch', '2', '--batch-wait', '1h', '--handler', 'batch.ts'];
    const { status, stdout, stderr } = await roles.run(['worker', ...options, ...handler], { cwd });
    assert.is(status, 0, stderr);
    assert.equal(
      [lines(stdout), stderr.match(/batch of \d/g)],
      [
        ['one', 'two', 'three'],
        ['batch of 2', 'batch of 1'],
      ],
    );
  });
}

test('an incomplete batch starts when the role stops', async () => {
  await roles.runHere(['task', '--lines'], { input: 'one\ntwo\n' });
  const cwd = emptyFolder({ 'batch.ts': module });
  const handler = ['--batch', '9', '--batch-wait', '1h', '--handler', 'batch.ts'];
  const worker = await roles.receiver(['worker', '--metrics', '0', ...handler], { cwd });
  await untilMetric(worker, 'mq_in_flight', 2);
  const { status, stdout, stderr } = await worker.stop();
  assert.is(status, 0, stderr);
  assert.equal(lines(stdout), ['one', 'two']);
});

test('--batch requires a handler for batches and a sufficient prefetch', async () => {
  for (const options of [
    ['--batch', '2', '--exec', 'true'],
    ['--batch', '5', '--prefetch', '2', '--handler', 'batch.ts'],
    ['--batch-wait', '1s', '--handler', 'batch.ts'],
    ['--recycle-after', '1000', '--exec', 'true'],
    ['--recycle-after', '5 apples', '--exec-lines', 'cat'],
  ]) {
    const { status, stderr } = await roles.run(['worker', ...options], { cwd: emptyFolder({ 'batch.ts': module }) });
    assert.is(status, 64, `${options.join(' ')}: ${stderr}`);
  }
});

test('--max-time ends a role in the same way as a signal', async () => {
  await roles.runHere(['task', '--lines'], { input: 'one\ntwo\n' });
  const cwd = emptyFolder();
  const exec = ['--exec', 'sh', '-c', 'cat; echo; until [ -e go ]; do sleep 0.05; done'];
  const worker = await roles.receiver(['worker', '--metrics', '0', '--max-time', '2s', ...exec], { cwd });
  await worker.prints(/one/);
  await untilMetric(worker, 'mq_consumers', 0);
  writeFileSync(join(cwd, 'go'), '');
  const { status, stdout, stderr } = await worker.ended;
  assert.is(status, 0, stderr);
  assert.equal(lines(stdout), ['one']);
  assert.equal(
    (await roles.take('task_queue', 1)).map(({ payload }) => payload),
    ['two'],
  );
});

test.run();
