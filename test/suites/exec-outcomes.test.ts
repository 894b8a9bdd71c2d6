// What each exit status of an --exec handler does to the message, on both types of queue.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

// The body is the exit status of the first time; the second time all is well.
const script = `#!/bin/sh
body=$(cat)
if [ "$MQ_ATTEMPT" -gt 1 ] || [ "$MQ_REDELIVERED" = true ]; then echo "$body again"; exit 0; fi
echo "$body"
case $body in KILL) kill -KILL $$;; esac
exit "$body"
`;

const statuses = ['0', '3', '4', '5', '6', '75', '1', '127', 'KILL'];
/** Those of which there is a second time. */
const again = ['4', '6', '75', '1', '127', 'KILL'];
const dropped = ['3', '5'];

for (const type of ['classic', 'quorum']) {
  test(`exit statuses on a ${type} queue`, async () => {
    const queue = `work-${type}`;
    const work = {
      'x-queue-type': type,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': `${queue}-dropped`,
    };
    const config = {
      vhosts: {
        '/': {
          queues: {
            [queue]: { options: { durable: true, arguments: work } },
            [`${queue}-dropped`]: { options: { durable: true } },
          },
        },
      },
      publications: { work: { queue } },
      subscriptions: { work: { queue, prefetch: 1 } },
      mq: {
        retry: { attempts: 3, delays: [100] },
        roles: { shell: { behaviour: 'consume', subscription: 'work', handler: { exec: ['./status.sh'] } } },
      },
    };
    const cwd = emptyFolder({ 'status.sh': script, 'rascal.json': JSON.stringify(config) });
    chmodSync(join(cwd, 'status.sh'), 0o755);
    const count = statuses.length + again.length;
    const worker = await roles.receiver(['shell', '--count', String(count)], { cwd });
    const { status } = await roles.run(['publish', 'work', '--lines'], { cwd, input: statuses.join('\n') });
    assert.is(status, 0);
    const ended = await worker.ended;
    assert.is(ended.status, 0);
    assert.equal(lines(ended.stdout).toSorted(), [...statuses, ...again.map((body) => `${body} again`)].toSorted());
    const retried = lines(ended.stderr).filter((line) => line.startsWith('attempt 1 failed: '));
    assert.equal(retried.toSorted(), [
      'attempt 1 failed: exit status 1',
      'attempt 1 failed: exit status 127',
      'attempt 1 failed: exit status 75',
      'attempt 1 failed: signal SIGKILL',
    ]);
    assert.equal((await roles.take(`${queue}-dropped`, 2)).map(({ payload }) => payload).toSorted(), dropped);
    assert.is(await roles.held(queue), 0);
    assert.is(await roles.held(`${queue}.retry.100`), 0);
  });
}

test('a command that does not exist is said before a message is taken', async () => {
  await roles.run(['task', 'kept']);
  const { status, stderr } = await roles.run(['worker', '--exec', './no-such-command']);
  assert.is(status, 71);
  assert.match(stderr, /^mq worker: .*no-such-command.*\[SYSTEM\]\n/);
  assert.is(await roles.held('task_queue'), 1);
});

test.run();
