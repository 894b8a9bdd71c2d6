// The broker closes a connection or cancels a consumer: the role continues or ends, as its options require.

import { chmodSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const { name: vhost, api } = roles.vhost;
const { env, closeConnections } = await roles.account();

/**
 * Makes a folder with a queue, a publication `to` and a subscription `from`, and a function that declares the queue.
 */
function place(queue: string, type: string) {
  const options = { durable: true, arguments: { 'x-queue-type': type } };
  const config = {
    vhosts: { '/': { queues: { [queue]: { options } } } },
    publications: { to: { queue } },
    subscriptions: { from: { queue } },
    mq: { retry: { attempts: 2, delays: [100] } },
  };
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify(config),
    'hold.sh': '#!/bin/sh\necho begin >&2\nuntil [ -e go ]; do sleep 0.05; done\necho done\n',
  });
  chmodSync(join(cwd, 'hold.sh'), 0o755);
  return { cwd, declare: () => api('PUT', `/api/queues/${vhost}/${queue}`, options) };
}

for (const type of ['classic', 'quorum']) {
  test(`a role consumes a ${type} queue again each time it is declared again`, async () => {
    const queue = `away-${type}`;
    const { cwd, declare } = place(queue, type);
    const receiver = await roles.receiver(['subscribe', 'from'], { cwd });
    for (let time = 1; time <= 6; time += 1) {
      await roles.deleteQueue(queue);
      await receiver.prints(new RegExp(`(consuming again\\n[^]*){${time}}`), 'stderr');
      await declare();
      await roles.run(['publish', 'to', `text ${time}`], { cwd });
      await receiver.prints(new RegExp(`^text ${time}$`, 'm'));
    }
    const { status, stdout } = await receiver.stop();
    assert.is(status, 0);
    assert.is(lines(stdout).length, 6);
  });
}

test('a queue that stays deleted ends the role with 78', async () => {
  const { cwd } = place('gone', 'classic');
  const receiver = await roles.receiver(['subscribe', 'from'], { cwd });
  await roles.deleteQueue('gone');
  const { status, stderr } = await receiver.ended;
  assert.is(status, 78, stderr);
  assert.match(stderr, /\nmq subscribe: the broker has no queue 'gone' .*\[TOPOLOGY\]\n/);
  assert.ok(lines(stderr).length < 6, stderr);
});

test('--exit-on-disconnect ends a receiver with 69 after its running handler', async () => {
  const { cwd } = place('ends', 'quorum');
  const receiver = await roles.receiver(['subscribe', 'from', '--exit-on-disconnect', '--exec', './hold.sh'], {
    cwd,
    env,
  });
  await roles.run(['publish', 'to', 'text'], { cwd });
  await receiver.prints(/begin/, 'stderr');
  await closeConnections(2);
  await receiver.prints(/connecting again/, 'stderr');
  await writeFile(join(cwd, 'go'), '');
  const { status, stdout, stderr } = await receiver.ended;
  assert.is(status, 69, stderr);
  assert.is(stdout, 'done\n');
  assert.match(stderr, /\nmq subscribe: .*\[UNAVAILABLE\]\nhint: --exit-on-disconnect /);
});

test('--drain limits the handler time of --exit-on-disconnect', async () => {
  const { cwd } = place('bounded', 'quorum');
  const options = ['--exit-on-disconnect', '--drain', '0.5', '--grace', '0.2'];
  const receiver = await roles.receiver(['subscribe', 'from', ...options, '--exec', './hold.sh'], { cwd, env });
  await roles.run(['publish', 'to', 'text'], { cwd });
  await receiver.prints(/begin/, 'stderr');
  await closeConnections(2);
  assert.is((await receiver.ended).status, 69);
});

test('without --exit-on-disconnect a receiver continues', async () => {
  const { cwd } = place('goes-on', 'quorum');
  const receiver = await roles.receiver(['subscribe', 'from', '--max-reconnect', '5'], { cwd, env });
  for (const text of ['one', 'two']) {
    await closeConnections(1);
    await receiver.prints(new RegExp(`(connected again\\n[^]*){${text === 'one' ? 1 : 2}}`), 'stderr');
    await roles.run(['publish', 'to', text], { cwd });
    await receiver.prints(new RegExp(`^${text}$`, 'm'));
  }
  assert.is((await receiver.stop()).status, 0);
});

test.run();
