// Tests a stream whose only replica is on one node of the cluster.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

test('a reader goes to the next address if a node has no replica', async () => {
  const options = {
    durable: true,
    arguments: {
      'x-queue-type': 'stream',
      'x-initial-cluster-size': 1,
      'x-queue-leader-locator': 'client-local',
    },
  };
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: { '/': { queues: { lonely: { options } } } },
      publications: { to: { queue: 'lonely' } },
      subscriptions: { from: { queue: 'lonely' } },
    }),
  });
  const [first = '', ...others] = roles.vhost.urls;
  const at = (urls: readonly string[]) => ({ cwd, env: { MQ_URL: urls.join(',') } });
  assert.is((await roles.run(['publish', 'to', 'hello'], at([first]))).status, 0);
  const read = ['subscribe', 'from', '--offset', 'first', '--until-empty'];
  const found = await roles.run(read, at([...others, first]));
  assert.is(found.status, 0, found.stderr);
  assert.equal(lines(found.stdout), ['hello']);
  const refused = await roles.run(read, at(others));
  assert.is(refused.status, 69, refused.stderr);
  assert.match(refused.stderr, "the node has no running replica of the stream 'lonely'");
});

test.run();
