// Tests the order, the number and the content of the deliveries of a queue.

import { assert, expectMessage, publish, role, test } from '../test-file/user.ts';

for (const queue of ['self.quorum', 'self.classic']) {
  test(`${queue} delivers in order`, async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => String(index));
    await Promise.all(numbers.map((number) => publish(queue, number)));
    for (const number of numbers) assert.is((await expectMessage(queue)).text, number);
  });

  test(`${queue} redelivers an unacknowledged message with the redelivered flag`, async () => {
    await publish('task', `first ${queue} ....`);
    const worker = await role('worker');
    await publish('task', `second ${queue}`);
    worker.kill('SIGKILL');
    await worker.ended;
    const again = await expectMessage('task', `first ${queue} ....`, { within: 30_000 });
    assert.is(again.fields.redelivered, true);
    await expectMessage('task', `second ${queue}`);
  });

  test(`${queue} keeps bytes, properties and headers unchanged`, async () => {
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const headers = { text: 'ä€😀', whole: 7, half: 0.5, yes: true, list: [1, 'two'], inner: { deep: null } };
    const properties = { contentType: 'x/y', priority: 3, correlationId: 'c', messageId: 'm', type: 't', appId: 'a' };
    await publish(queue, body, { headers, properties });
    const received = await expectMessage(queue);
    assert.equal([...received.body], [...body]);
    assert.equal(received.headers, headers);
    for (const [name, value] of Object.entries(properties)) assert.is(received.properties[name], value, name);
  });

  test(`${queue} delivers an empty body and a body of one megabyte`, async () => {
    await publish(queue, '');
    assert.is((await expectMessage(queue)).body.length, 0);
    await publish(queue, new Uint8Array(2 ** 20).fill(7));
    const { body } = await expectMessage(queue);
    assert.is(body.length, 2 ** 20);
    assert.ok(body.every((byte) => byte === 7));
  });
}

test('a queue distributes its messages over several workers', async () => {
  const [one, two] = [await role('worker'), await role('worker')];
  for (const number of [1, 2, 3, 4]) await publish('task', `job ${number} .`);
  await one.prints(/job[\s\S]*job/);
  await two.prints(/job[\s\S]*job/);
});
