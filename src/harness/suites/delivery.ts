// Tests deliveries of a queue: their order, their number, and their content.

import { assert, expectMessage, publish, role, test } from '../test-file/user.ts';

for (const queue of ['self.quorum', 'self.classic']) {
  test(`${queue} keeps the order`, async () => {
    const numbers = Array.from({ length: 200 }, (_, index) => String(index));
    await Promise.all(numbers.map((number) => publish(queue, number)));
    for (const number of numbers) assert.is((await expectMessage(queue)).text, number);
  });

  test(`${queue} gives back a message that nobody has acknowledged, and says so`, async () => {
    await publish('task', `first ${queue} ....`);
    const worker = await role('worker');
    await publish('task', `second ${queue}`);
    worker.kill('SIGKILL');
    await worker.ended;
    const again = await expectMessage('task', `first ${queue} ....`, { within: 30_000 });
    assert.is(again.fields.redelivered, true);
    await expectMessage('task', `second ${queue}`);
  });

  test(`${queue} keeps bytes, properties and headers as they were`, async () => {
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const headers = { text: 'ä€😀', whole: 7, half: 0.5, yes: true, list: [1, 'two'], inner: { deep: null } };
    const properties = { contentType: 'x/y', priority: 3, correlationId: 'c', messageId: 'm', type: 't', appId: 'a' };
    await publish(queue, body, { headers, properties });
    const came = await expectMessage(queue);
    assert.equal([...came.body], [...body]);
    assert.equal(came.headers, headers);
    for (const [name, value] of Object.entries(properties)) assert.is(came.properties[name], value, name);
  });

  test(`${queue} takes an empty body and one of a megabyte`, async () => {
    await publish(queue, '');
    assert.is((await expectMessage(queue)).body.length, 0);
    await publish(queue, new Uint8Array(2 ** 20).fill(7));
    const { body } = await expectMessage(queue);
    assert.is(body.length, 2 ** 20);
    assert.ok(body.every((byte) => byte === 7));
  });
}

test('a message goes to one of several workers, the next to another', async () => {
  const [one, two] = [await role('worker'), await role('worker')];
  for (const number of [1, 2, 3, 4]) await publish('task', `job ${number} .`);
  await one.prints(/job[\s\S]*job/);
  await two.prints(/job[\s\S]*job/);
});
