// Tests that the broker accepts the declarations of mq, and accepts the same declarations again.

import { assert, broker, expectMessage, publish, role, test } from '../test-file/user.ts';

test('the topology of rascal.json is declared', () => {
  assert.ok(broker.url.startsWith('amqp'));
});

for (const [sender, receiver, keys] of [
  ['producer', 'consumer', []],
  ['emit-log', 'receive-logs', []],
  ['emit-log-direct', 'receive-logs-direct', ['info']],
  ['emit-log-topic', 'receive-logs-topic', ['anonymous.#']],
] as const) {
  test(`${sender} and ${receiver} declare what they need`, async () => {
    const receiving = await role(receiver, keys);
    await role(sender);
    await receiving.prints(/Hello World!/);
    assert.is((await receiving.stop()).status, 0);
  });
}

test('a second identical declaration changes nothing', async () => {
  await publish('task', 'stays');
  const worker = await role('worker', ['--count', '1']);
  await worker.prints(/stays/);
  await publish('task', 'stays too');
  await expectMessage('task', 'stays too');
});
