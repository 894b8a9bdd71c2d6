// One of two receivers of a queue receives the messages, and the other one takes over when the first ends.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

function folder(queue: string, queueArguments: object, options: object): string {
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: queueArguments } } } } },
    publications: { to: { queue } },
    subscriptions: { from: { queue, options } },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

// RabbitMQ: a quorum queue ignores the flag `exclusive`.
test('a second exclusive consumer waits and takes over', async () => {
  const cwd = folder('exclusive', {}, { exclusive: true });
  const first = await roles.receiver(['subscribe', 'from'], { cwd });
  const second = roles.start(['subscribe', 'from'], { cwd });
  await second.prints(/has an exclusive consumer; this role stands by/, 'stderr');
  await roles.runHere(['publish', 'to', 'one'], { cwd });
  await first.prints(/^one$/m);
  assert.is((await first.stop()).status, 0);
  await second.prints(/waiting for messages from/, 'stderr');
  await roles.runHere(['publish', 'to', 'two'], { cwd });
  await second.prints(/^two$/m);
  const { status, stdout } = await second.stop();
  assert.equal([status, stdout], [0, 'two\n']);
});

for (const type of ['classic', 'quorum']) {
  test(`the second consumer takes over a single active consumer queue, ${type}`, async () => {
    const limits = { 'x-queue-type': type, 'x-single-active-consumer': true };
    const cwd = folder(`single-${type}`, limits, {});
    const first = await roles.receiver(['subscribe', 'from'], { cwd });
    const second = await roles.receiver(['subscribe', 'from'], { cwd });
    await roles.runHere(['publish', 'to', 'one'], { cwd });
    await first.prints(/^one$/m);
    assert.is((await first.stop()).status, 0);
    await roles.runHere(['publish', 'to', 'two'], { cwd });
    await second.prints(/^two$/m);
    assert.is((await second.stop()).stdout, 'two\n');
  });
}

// RabbitMQ: a classic queue with a single active consumer refuses each exclusive consumer. A quorum queue ignores the flag.
test('an exclusive consumer of a single active consumer queue is refused', async () => {
  const single = { 'x-queue-type': 'classic', 'x-single-active-consumer': true };
  const cwd = folder('single-exclusive', single, { exclusive: true });
  const refused = await roles.run(['subscribe', 'from'], { cwd });
  assert.is(refused.status, 78, refused.stderr);
  assert.match(refused.stderr, /exclusive: the classic queue "single-exclusive" has x-single-active-consumer/);
});

test('an exclusive consumer shares a single active consumer queue, quorum', async () => {
  const single = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true };
  const cwd = folder('single-exclusive-quorum', single, { exclusive: true });
  const receivers = await Promise.all([1, 2].map(() => roles.receiver(['subscribe', 'from'], { cwd })));
  for (const receiver of receivers) assert.is((await receiver.stop()).status, 0);
});

test('a role that waits for its turn ends at SIGTERM and after --idle', async () => {
  const cwd = folder('ends', {}, { exclusive: true });
  const first = await roles.receiver(['subscribe', 'from'], { cwd });
  const stopped = roles.start(['subscribe', 'from'], { cwd });
  await stopped.prints(/stands by/, 'stderr');
  assert.is((await stopped.stop()).status, 0);
  const idle = await roles.run(['subscribe', 'from', '--idle', '1'], { cwd });
  assert.is(idle.status, 0, idle.stderr);
  assert.is((await first.stop()).status, 0);
});

test.run();
