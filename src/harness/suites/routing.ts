// Tests which queues receive a message, for every exchange type and for bindings between exchanges.

import { assert, expectMessage, listen, publish, test } from '../test-file/user.ts';

/** Checks that a message arrives in exactly these queues. */
async function landsIn(
  queues: readonly string[],
  send: (body: string) => Promise<unknown>,
  all: readonly string[] = ['self.one', 'self.two', 'self.three'],
): Promise<void> {
  const body = `message ${Math.random()}`;
  for (const queue of all) await listen(queue);
  await send(body);
  for (const queue of queues) assert.is((await expectMessage(queue, body)).text, body);
  for (const queue of all.filter((one) => !queues.includes(one))) {
    const failure = await expectMessage(queue, body, { within: 100 }).catch((error: Error) => error);
    assert.instance(failure, Error, `${queue} received the message`);
  }
}

test('a direct exchange routes by the routing key', async () => {
  await landsIn(['self.one'], (body) => publish('self.direct', body, { routingKey: 'red' }));
  await landsIn(['self.one', 'self.two'], (body) => publish('self.direct', body, { routingKey: 'blue' }));
});

test('a fanout exchange routes to all its queues', async () => {
  await landsIn(['self.one', 'self.two'], (body) => publish('self.fanout', body, { routingKey: 'no-queue' }));
});

for (const [key, queues] of [
  ['a', ['self.two', 'self.three']],
  ['a.b.c', ['self.one', 'self.two', 'self.three']],
  ['a.b.c.d', ['self.two', 'self.three']],
  ['a.c', ['self.two', 'self.three']],
  ['b.a', ['self.three']],
  ['', ['self.three']],
] as const) {
  test(`a topic exchange routes the key "${key}" to ${queues.join(', ')}`, async () => {
    await landsIn(queues, (body) => publish('self.topic', body, { routingKey: key }));
  });
}

test('a headers exchange matches all or any of its headers', async () => {
  const both = { colour: 'red', size: 2 };
  await landsIn(['self.one', 'self.two'], (body) => publish('self.headers', body, { headers: both }));
  await landsIn(['self.two'], (body) => publish('self.headers', body, { headers: { colour: 'red' } }));
});

test('an exchange routes to an exchange', async () => {
  await landsIn(['self.one'], (body) => publish('self.first', body, { routingKey: 'key' }));
});

test('a message without a matching binding goes to the alternate exchange', async () => {
  await landsIn(['self.three'], (body) => publish('self.lost', body, { routingKey: 'no-queue' }));
});

test('the default exchange routes by the name of the queue', async () => {
  await publish('self.classic', 'by name');
  const { fields } = await expectMessage('self.classic', 'by name');
  assert.is(fields.exchange, '');
  assert.is(fields.routingKey, 'self.classic');
});
