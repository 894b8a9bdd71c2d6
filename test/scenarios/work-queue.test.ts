// Scenario 2: tasks are distributed fairly, and acknowledged only after the work.

import { chmodSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { untilMetric } from '../support/metrics.ts';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

// A task named `hold…` lasts until a file `go` exists. Every other task ends at once.
const script =
  '#!/bin/sh\nbody=$(cat)\necho "begin $body" >&2\ncase $body in hold*) until [ -e go ]; do sleep 0.05; done;; esac\necho "end $body"\n';

function workFolder(): string {
  const folder = emptyFolder({ 'work.sh': script });
  chmodSync(join(folder, 'work.sh'), 0o755);
  return folder;
}

const work = (...options: string[]) => ['worker', ...options, '--exec', './work.sh'];

test('the built-in work sleeps for each dot and then prints the task', async () => {
  // The tasks are in the queue before the worker starts, so that it receives them together.
  await roles.runHere(['task', '--lines'], { input: 'two seconds..\none second.\nat once\n' });
  const { status, stdout } = await roles.run(['worker', '--count', '3', '--prefetch', '3', '--concurrency', '3']);
  assert.equal({ status, stdout }, { status: 0, stdout: 'at once\none second.\ntwo seconds..\n' });
});

test('one worker does all other tasks while the other worker is busy', async () => {
  const folder = workFolder();
  const workers = [await roles.receiver(work(), { cwd: folder }), await roles.receiver(work(), { cwd: folder })];
  await roles.runHere(['task', 'hold']);
  const busy = await until('a worker is busy', () => workers.find((worker) => worker.stderr().includes('begin hold')));
  const idle = workers.find((worker) => worker !== busy)!;
  const tasks = Array.from({ length: 20 }, (_, index) => `task ${index}`);
  await roles.runHere(['task', '--lines'], { input: tasks.join('\n') });
  await idle.prints(/end task 19/);
  assert.is(busy.stdout(), '');
  await writeFile(join(folder, 'go'), '');
  await busy.prints(/end hold/);
  const ends = await Promise.all(workers.map((worker) => worker.stop()));
  assert.equal(
    ends.map(({ status }) => status),
    [0, 0],
  );
  assert.equal(
    lines(idle.stdout()),
    tasks.map((task) => `end ${task}`),
  );
  assert.is(await roles.held('task_queue'), 0);
});

test('idle workers receive tasks in turn', async () => {
  const start = () => roles.receiver(work('--metrics', '0'), { cwd: workFolder() });
  const workers = [await start(), await start()];
  for (const round of [1, 2, 3]) {
    await roles.runHere(['task', '--lines'], { input: 'one\ntwo\n' });
    // The next round starts only now, because a worker with an unacknowledged task receives no other task.
    for (const worker of workers) await untilMetric(worker, 'mq_acked_total', round);
  }
  await Promise.all(workers.map((worker) => worker.stop()));
});

test('the task of a killed worker is redelivered as the second attempt', async () => {
  const folder = workFolder();
  const first = await roles.receiver(work(), { cwd: folder });
  await roles.runHere(['task', 'hold on']);
  await first.prints(/begin hold on/, 'stderr');
  const show = 'echo "$(cat): attempt $MQ_ATTEMPT, redelivered $MQ_REDELIVERED"';
  const second = await roles.receiver(['worker', '--count', '1', '--exec', 'sh', '-c', show]);
  first.kill('SIGKILL');
  await first.ended;
  const { status, stdout } = await second.ended;
  assert.equal({ status, stdout }, { status: 0, stdout: 'hold on: attempt 2, redelivered true\n' });
  await writeFile(join(folder, 'go'), ''); // the child of the killed worker ends
  assert.is(await roles.held('task_queue'), 0);
});

test('a task is acknowledged after the work, not before', async () => {
  const folder = workFolder();
  const worker = await roles.receiver(work('--count', '1'), { cwd: folder });
  await roles.runHere(['task', 'hold it']);
  await worker.prints(/begin hold it/, 'stderr');
  await until('the task is delivered', async () => {
    const { messages_unacknowledged: count } = (await roles.vhost.api(
      'GET',
      `/api/queues/${roles.vhost.name}/task_queue`,
    )) as { messages_unacknowledged?: number };
    return count === 1;
  });
  await writeFile(join(folder, 'go'), '');
  assert.is((await worker.ended).status, 0);
  assert.is(await roles.held('task_queue'), 0);
});

test.run();
