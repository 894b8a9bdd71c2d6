// Tests what happens to messages when nodes of a cluster fail. Skipped without a cluster.

import { assert, cluster, eventually, expectMessage, publish, test } from '../test-file/user.ts';

const longLimit = { within: 60_000 };

test('a quorum queue keeps confirmed messages when a node is killed', async () => {
  await cluster.kill(0);
  await cluster.heal();
  const bodies = Array.from({ length: 20 }, (_, index) => `confirmed ${index}`);
  await Promise.all(bodies.map((body) => publish('self.quorum', body)));
  await cluster.kill(1);
  for (const body of bodies) await expectMessage('self.quorum', body, longLimit);
});

test('a quorum queue accepts messages while one of three nodes is stopped', async () => {
  if (cluster.nodes < 3) return;
  await cluster.stop(2);
  await publish('self.quorum', 'two nodes');
  await expectMessage('self.quorum', 'two nodes', longLimit);
});

test('a memory alarm blocks publishers until it is cleared', async () => {
  for (let node = 0; node < cluster.nodes; node++) await cluster.alarm(node);
  let isConfirmed = false;
  const sent = publish('self.quorum', 'held').then(() => {
    isConfirmed = true;
  });
  const early = await eventually('confirmed', () => isConfirmed, { within: 1_500 }).catch(() => 'not yet');
  await cluster.heal();
  await sent;
  assert.is(early, 'not yet');
  await expectMessage('self.quorum', 'held', longLimit);
});
