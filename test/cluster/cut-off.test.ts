// Tests a node that is cut off from the others. Its clients can still reach it and get no error, but the roles connect
// to other nodes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const { vhost } = roles;
const cluster = await vhost.cluster();
test.after.each(roles.killLeft);
test.after.each(() => cluster.heal());
test.after(roles.end);

const deadlineMs = 150_000;

/** Returns the addresses of all nodes, starting with that of `node`. */
const from = (node: number) => ({ MQ_URL: [...vhost.urls.slice(node), ...vhost.urls.slice(0, node)].join(',') });

test('publishers and receivers leave a queue leader that is cut off', async () => {
  await roles.run(['task', 'declares the queue']);
  const { leader } = (await vhost.api('GET', `/api/queues/${vhost.name}/task_queue`)) as { leader: string };
  const cut = cluster.nodes.findIndex(({ name }) => name === leader);
  const worker = await roles.receiver(['worker'], { env: from(cut), deadlineMs });
  const task = roles.start(['task', '--lines', '--json'], { env: from(cut), deadlineMs });
  task.stdin.write('before\n');
  await task.prints(/"outcome":"confirmed"/);
  await worker.prints(/^before$/m);

  await cluster.disconnect(cut);
  task.stdin.write('after\n');
  // RabbitMQ 4.3: this node answers neither consumers of a quorum queue nor declarations.
  const [other, logs] = await Promise.all(
    [['worker'], ['receive-logs']].map((role) => roles.receiver(role, { env: from(cut), deadlineMs })),
  );
  await worker.prints(/connected again/, 'stderr');
  await task.prints(/"number":2,.*"outcome":"confirmed"/);
  const states = await cluster.states();
  assert.not(states[cut]?.isConnected, 'it is still cut off');
  await cluster.heal();

  task.stdin.end();
  const { status, stdout } = await task.ended;
  assert.equal([status, lines(stdout).length], [0, 2]);
  await until('the queue is empty', async () => (await roles.held('task_queue')) === 0, 90_000);
  assert.is((await logs?.stop())?.status, 0);
  const ends = [await worker.stop(), await other!.stop()];
  assert.equal(
    ends.map((end) => end.status),
    [0, 0],
  );
  const handled = ends.flatMap((end) => lines(end.stdout));
  assert.equal([...new Set(handled)].toSorted(), ['after', 'before', 'declares the queue']);
});

test.run();
