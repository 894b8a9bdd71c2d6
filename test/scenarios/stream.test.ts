// Tests streams over AMQP 0-9-1: the offset at which a consumer starts, the end of a stream, and a lost connection.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const bodies = Array.from({ length: 100 }, (_, index) => `line ${index}`);

function folder(queue: string, offset: unknown): string {
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': 'stream' } } } } } },
    publications: { to: { queue } },
    subscriptions: { from: { queue, options: { arguments: { 'x-stream-offset': offset } } } },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

for (const [offset, received] of [
  ['first', bodies],
  [40, bodies.slice(40)],
  [1000, []],
  ['next', []],
] as const) {
  test(`--until-empty reads a stream to its end, from ${offset}`, async () => {
    const cwd = folder(`from-${offset}`, offset);
    assert.is((await roles.run(['publish', 'to', '--lines'], { cwd, input: bodies.join('\n') })).status, 0);
    const { status, stdout, stderr } = await roles.run(['subscribe', 'from', '--until-empty'], { cwd });
    assert.is(status, 0, stderr);
    assert.equal(lines(stdout), received);
  });
}

test('--until-empty ends on an empty stream', async () => {
  const { status, stderr } = await roles.run(['subscribe', 'from', '--until-empty'], { cwd: folder('empty', 'first') });
  assert.is(status, 0, stderr);
});

test('a consumer of a stream continues where it lost its connection', async () => {
  const cwd = folder('goes-on', 'first');
  const account = await roles.account();
  const receiver = await roles.receiver(['subscribe', 'from'], { cwd, env: account.env });
  await roles.run(['publish', 'to', 'one'], { cwd });
  await receiver.prints(/^one$/m);
  await account.closeConnections(1);
  await receiver.prints(/connected again/, 'stderr');
  await roles.run(['publish', 'to', 'two'], { cwd });
  await receiver.prints(/^two$/m);
  assert.is((await receiver.stop()).stdout, 'one\ntwo\n');
});

test.run();
