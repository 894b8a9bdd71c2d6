// `mq test --on cluster` starts a cluster for each run, and always removes it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { labels } from '../../src/cluster/docker/labels.ts';
import { clusterNames } from '../../src/cluster/removal.ts';
import { emptyFolder, mq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';
import { type TestVhost, testVhost } from '../support/vhost.ts';

const harness = suite<{ vhost: TestVhost; image: string }>('mq test --on cluster');
const deadlineMs = 170_000;

harness.before(async (context) => {
  context.vhost = await testVhost();
  context.image = (await context.vhost.cluster()).image;
});
harness.after(({ vhost }) => vhost.remove());

harness('runs mq’s own suites on three nodes without a skipped test', async ({ image }) => {
  const { status, stdout, stderr } = await mq(['test', '--self', '--on', 'cluster', '--image', image], { deadlineMs });
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout, /\n\d+ passed, 0 failed\n$/);
});

harness('shows the node logs of a failed test', async ({ image }) => {
  const cwd = emptyFolder({
    'a.test.ts': `
import { cluster, eventually, test } from 'mq/test';
test('sees an alarm', async () => {
  await cluster.alarm(0);
  await eventually('an alarm in the log', async () => /alarm/i.test(await cluster.logs(new Date(0))));
  throw new Error('and fails');
});
`,
  });
  const args = ['test', '--on', 'cluster', '--nodes', '1', '--image', image];
  const { status, stdout } = await mq(args, { cwd, deadlineMs });
  assert.is(status, 1);
  assert.match(stdout, /output:\n +the nodes' logs during "sees an alarm":\n +mq1:\n[\s\S]*alarm/);
});

harness('the next run removes the cluster of a killed run', async ({ image }) => {
  const cwd = emptyFolder({
    'long.test.ts': `import { test } from 'mq/test';\ntest('long', () => new Promise((r) => setTimeout(r, 100_000)));`,
    'short.test.ts': `import { test } from 'mq/test';\ntest('short', () => {});`,
  });
  const args = ['--on', 'cluster', '--nodes', '1', '--image', image];
  const killed = startMq(['test', 'long.test.ts', '--report', 'json', ...args], { cwd, deadlineMs });
  await killed.prints(/"start"/);
  const left = await clusterOf(killed.pid);
  assert.ok((await clusterNames()).includes(left), left);
  killed.kill('SIGKILL');
  await killed.ended;
  const { status, stdout } = await mq(['test', 'short.test.ts', ...args], { cwd, deadlineMs });
  assert.is(status, 0, stdout);
  await until('the cluster is gone', async () => !(await clusterNames()).includes(left));
});

harness.run();

/** Returns the name of the cluster that a process owns. Other runs may start clusters at the same time. */
async function clusterOf(owner: number): Promise<string> {
  const filter = ['--filter', `label=${labels.owner}=${owner}`, '--format', `{{.Label "${labels.cluster}"}}`];
  return (await promisify(execFile)('docker', ['ps', ...filter])).stdout.trim();
}
