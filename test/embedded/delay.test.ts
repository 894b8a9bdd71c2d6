// Tests delayed messages on the embedded broker: after kill -9, and with the clock of mq/test.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq, type RunningMq, startMq } from '../support/mq.ts';
import { lines } from '../support/roles.ts';

/** Starts a broker with a folder. */
async function brokerWith(data: string): Promise<{ running: RunningMq; env: { MQ_URL: string } }> {
  const running = startMq(['broker', '--port', '0', '--data', data, '--json']);
  const { url } = JSON.parse(await running.prints(/\n/)) as { url: string };
  return { running, env: { MQ_URL: url } };
}

test('delayed messages survive kill -9 of the broker', async () => {
  const data = emptyFolder();
  const first = await brokerWith(data);
  const send = async (delay: string, text: string) => {
    const { status, stderr } = await mq(['task', '--delay', delay, text], { env: first.env });
    assert.is(status, 0, stderr);
  };
  await send('30d', 'month');
  await send('3s', 'three');
  first.running.kill('SIGKILL');
  await first.running.ended;
  const { running, env } = await brokerWith(data);
  try {
    const { stdout } = await mq(['subscribe', 'task', '--count', '1'], { env });
    assert.is(stdout, 'three\n');
    const listed = await mq(['delayed', 'list', '--json'], { env });
    const left = lines(listed.stdout).map((line) => (JSON.parse(line) as { queue: string }).queue);
    assert.equal(left, ['mq.delay.level.21']);
  } finally {
    await running.stop();
  }
});

const moves = `
import { assert, clock, expectMessage, publish, role, test } from 'mq/test';

const day = 86_400_000;
test('the clock moves delayed messages', async () => {
  await publish('task', 'month', { delay: 30 * day });
  await publish('task', 'second', { delay: 1000 });
  await publish('remind', 'fixed');
  await publish('remind', 'now', { delay: 0 });
  const after = async (milliseconds, text) => {
    await clock.advance(milliseconds);
    return expectMessage('task', text);
  };
  const { headers, fields } = await after(1000, 'second');
  await after(0, 'now');
  assert.equal([typeof headers['x-mq-due'], fields.exchange, fields.routingKey], ['number', '', 'task_queue']);
  await after(3_599_000, 'fixed');
  await clock.advance(29 * day);
  await expectMessage('task', 'month', { within: 100 }).then(assert.unreachable, () => {});
  await after(day, 'month');
});
test('a role sends with a delay', async () => {
  await (await role('task', ['--delay', '7d', 'week'])).ended;
  await clock.advance(7 * day + 1000);
  await expectMessage('task', 'week');
});
`;

test('the clock of mq/test moves delayed messages', async () => {
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify({
      publications: { remind: { queue: 'task_queue' } },
      mq: { publications: { remind: { delay: '1h' } } },
    }),
    'delay.test.ts': moves,
  });
  const { status, stdout, stderr } = await mq(['test'], { cwd });
  assert.is(status, 0, stdout + stderr);
});

test.run();
