// Tests that no delayed message is lost when a node of the cluster is killed and when it comes back.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const { vhost } = roles;
const cluster = await vhost.cluster();
test.after.each(roles.killLeft);
test.after.each(() => cluster.heal());
test.after(roles.end);

const cwd = emptyFolder({
  'rascal.json': JSON.stringify({
    vhosts: { '/': { queues: { jobs: { options: { arguments: { 'x-queue-type': 'quorum' } } } } } },
    publications: { jobs: { queue: 'jobs' } },
    subscriptions: { jobs: { queue: 'jobs' } },
  }),
});
const deadlineMs = 240_000;
const delays = [7, 15, 23, 31];
const each = 1000;

async function leaderOf(queue: string): Promise<number> {
  const { leader } = (await vhost.api('GET', `/api/queues/${vhost.name}/${queue}`)) as { leader: string };
  return cluster.nodes.findIndex((node) => leader.endsWith(`@${node.host}`));
}

test('every delayed message arrives after the kill of a node', async () => {
  const sent = await Promise.all(
    delays.map((delay) => {
      const input = Array.from({ length: each }, (_, index) => `${delay} ${index}\n`).join('');
      return roles.run(['publish', 'jobs', '--lines', '--delay', `${delay}s`], { cwd, input, deadlineMs });
    }),
  );
  assert.equal(
    sent.map(({ status }) => status),
    delays.map(() => 0),
    sent.map(({ stderr }) => stderr).join(''),
  );
  const victim = await leaderOf('mq.delay.level.02');
  const receiver = await roles.receiver(['subscribe', 'jobs'], { cwd, deadlineMs });
  const received = () => new Set(lines(receiver.stdout()));
  await until('the first message has arrived', () => received().size > 0, 60_000);
  await cluster.kill(victim);
  await cluster.start(victim);
  await until('all messages have arrived', () => received().size === delays.length * each, 120_000);
  const { status, stderr } = await receiver.stop();
  assert.is(status, 0, stderr);
});

test.run();
