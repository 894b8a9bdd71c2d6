// A user's own rascal.json is the whole topology; the built-in roles remain available.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(() => roles.end());

const cwd = emptyFolder({
  'rascal.json': JSON.stringify({
    vhosts: { '/': { queues: ['orders', 'orders.parked'] } },
    publications: { orders: { queue: 'orders' } },
    subscriptions: { orders: { queue: 'orders' } },
    mq: {
      retry: { attempts: 1, deadLetter: { queue: 'orders.parked' } },
      roles: { order: { publish: 'orders' }, bill: { consume: 'orders', handler: { exec: ['false'] } } },
    },
  }),
});

test('mq check counts the objects of the file', async () => {
  const { stdout } = await roles.run(['check'], { cwd });
  assert.is(stdout, 'rascal.json: valid (2 roles, 1 publication, 1 subscription)\n');
});

test('dead letters of a built-in role do not use the queue of the file', async () => {
  await roles.run(['task', 'of the tutorial'], { cwd });
  await roles.run(['worker', '--count', '1', '--exec', 'false'], { cwd });
  await roles.run(['order', 'of the file'], { cwd });
  await roles.run(['bill', '--count', '1'], { cwd });
  assert.equal(
    (await roles.take('task_queue.dead', 1)).map(({ payload }) => payload),
    ['of the tutorial'],
  );
  assert.equal(
    (await roles.take('orders.parked', 1)).map(({ payload }) => payload),
    ['of the file'],
  );
  const { stdout } = await roles.run(['dlq', 'list', 'task'], { cwd });
  assert.not.match(stdout, /of the file/);
});

test.run();
