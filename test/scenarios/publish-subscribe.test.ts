// Scenario 3: every receiver receives every log line, on the screen or in a file.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

test('a log line reaches the screen of one receiver and the file of another', async () => {
  const cwd = emptyFolder({ 'app.log': 'what was there\n' });
  const screen = await roles.receiver(['receive-logs', '--count', '3']);
  const file = await roles.receiver(['receive-logs', '--file', 'app.log', '--count', '3'], { cwd });
  await roles.runHere(['emit-log']);
  const { status, stderr } = await roles.runHere(['emit-log', '--lines'], { input: 'warning: two\nerror: three' });
  assert.equal({ status, stderr }, { status: 0, stderr: '' });
  const [shown, written] = await Promise.all([screen.ended, file.ended]);
  const text = 'info: Hello World!\nwarning: two\nerror: three\n';
  assert.equal([shown.status, shown.stdout], [0, text]);
  assert.equal([written.status, written.stdout], [0, '']);
  assert.is(await readFile(join(cwd, 'app.log'), 'utf8'), `what was there\n${text}`);
});

test('a receiver receives only messages that are sent after its start', async () => {
  const first = await roles.receiver(['receive-logs']);
  await roles.runHere(['emit-log', 'before']);
  const second = await roles.receiver(['receive-logs', '--count', '1']);
  await roles.runHere(['emit-log', 'after']);
  assert.is((await second.ended).stdout, 'after\n');
  await first.prints(/after/);
  const { status, stdout } = await first.stop();
  assert.equal({ status, stdout }, { status: 0, stdout: 'before\nafter\n' });
});

test('an unroutable log line is reported unless --no-mandatory is set', async () => {
  await untilQueues(0);
  assert.is((await roles.runHere(['emit-log', 'alone'])).status, 67);
  assert.is((await roles.runHere(['emit-log', '--no-mandatory', 'alone'])).status, 0);
});

test('the queue of a receiver is deleted with it', async () => {
  const receiver = await roles.receiver(['receive-logs']);
  await untilQueues(1);
  await receiver.stop();
  await untilQueues(0);
});

/** RabbitMQ deletes the queue of a receiver a moment after the receiver has ended. */
function untilQueues(count: number): Promise<unknown> {
  const { name, api } = roles.vhost;
  return until(
    `${count} queues`,
    async () => ((await api('GET', `/api/queues/${name}`)) as unknown[]).length === count,
  );
}

test.run();
