// Handles a message for longer than the broker's consumer timeout.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const cluster = await roles.vhost.cluster();
test.after.each(roles.killLeft);
test.before(() => setCheckInterval(1000));
test.after(() => setCheckInterval(60_000));
test.after(roles.end);

/** Sets the interval at which RabbitMQ 4.0 checks deliveries for the consumer timeout. The default is 60 s. */
async function setCheckInterval(milliseconds: number): Promise<void> {
  for (const node of cluster.nodes.keys()) {
    const code = `application:set_env(rabbit, channel_tick_interval, ${milliseconds}).`;
    const { exitCode, output } = await cluster.exec(node, ['rabbitmqctl', '-q', 'eval', code]);
    assert.is(exitCode, 0, output);
  }
}

const script = `#!/bin/sh
read -r body
echo "$body" >> runs
[ "$body" = late ] && until [ -e go ]; do sleep 0.05; done
exit 0
`;

/** Starts a receiver whose handler does not finish the message `late` before `go` is called. */
async function slowReceiver(queue: string, args: readonly string[], queueArguments: object) {
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: queueArguments } } } } },
    publications: { to: { queue } },
    subscriptions: { from: { queue, prefetch: 3 } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config), 'slow.sh': script });
  chmodSync(join(cwd, 'slow.sh'), 0o755);
  const publish = (body: string) => roles.run(['publish', 'to', body], { cwd });
  await publish('late');
  await publish('near');
  const deadlineMs = 150_000;
  const receiver = await roles.receiver(['subscribe', 'from', ...args, '--exec', './slow.sh'], { cwd, deadlineMs });
  const runs = () => lines(readFileSync(join(cwd, 'runs'), 'utf8'));
  return { queue, publish, receiver, runs, go: () => writeFileSync(join(cwd, 'go'), '') };
}

test('handles each message once after a consumer timeout', async () => {
  const limits = { 'x-queue-type': 'quorum', 'x-consumer-timeout': 4000 };
  const { queue, publish, receiver, runs, go } = await slowReceiver('slow', [], limits);
  await receiver.prints(/consumer timeout.*x-consumer-timeout.*consuming again\n/, 'stderr');
  await publish('after');
  await until('a later message is handled', () => runs().includes('after'));
  go();
  await publish('last');
  await until('the role continues', () => runs().includes('last'));
  await until('no message is left', async () => {
    const name = `/api/queues/${roles.vhost.name}/${queue}`;
    return ((await roles.vhost.api('GET', name)) as { messages?: number }).messages === 0;
  });
  const { status, stderr } = await receiver.stop();
  assert.is(status, 0, stderr);
  assert.equal(runs().toSorted(), ['after', 'last', 'late', 'near']);
  assert.is(await roles.held(queue), 0);
  const names = ((await roles.vhost.api('GET', `/api/queues/${roles.vhost.name}`)) as { name: string }[]).map(
    ({ name }) => name,
  );
  assert.equal(names, [queue]);
});

test('sends a --handler-timeout above 30 minutes as the consumer timeout', async () => {
  const args = ['--handler-timeout', '2h', '--prefetch', '3', '--concurrency', '2'];
  const { receiver, go } = await slowReceiver('patient', args, { 'x-queue-type': 'quorum' });
  const consumer = await until('the consumer is listed', async () => {
    const [first] = (await roles.vhost.api('GET', `/api/consumers/${roles.vhost.name}`)) as { arguments: object }[];
    return first;
  });
  // Two messages are in handlers. The third waits for a handler, so it may need twice the time limit.
  assert.equal(consumer.arguments, { 'x-consumer-timeout': 2 * 7_200_000 + 60_000 });
  go();
  assert.is((await receiver.stop()).status, 0);
});

test.run();
