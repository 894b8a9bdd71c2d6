// Tests the outcomes that a publisher receives: confirmed, refused, unroutable.

import { assert, expectMessage, publish, test } from '../test-file/user.ts';

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (error: { code?: unknown }) => error.code,
  );
}

test('a message that is in a queue is confirmed', async () => {
  assert.is((await publish('self.quorum', 'kept')).outcome, 'confirmed');
  await expectMessage('self.quorum', 'kept');
});

test('a thousand messages at once are confirmed, each once', async () => {
  const sent = await Promise.all(Array.from({ length: 1000 }, (_, index) => publish('self.quorum', String(index))));
  assert.is(new Set(sent.map(({ messageId }) => messageId)).size, 1000);
  for (let index = 0; index < 1000; index++) await expectMessage('self.quorum', String(index));
});

test('a message for which there is no queue comes back', async () => {
  assert.is(await codeOf(publish('self.direct', 'lost', { routingKey: 'nobody' })), 'UNROUTABLE');
});

test('without mandatory it is confirmed, and gone', async () => {
  const sent = await publish('self.direct', 'lost', { routingKey: 'nobody', mandatory: false });
  assert.is(sent.outcome, 'confirmed');
});

test('a queue that is full refuses', async () => {
  await publish('self.full', 'one');
  await publish('self.full', 'two');
  assert.is(await codeOf(publish('self.full', 'three')), 'REFUSED');
  await expectMessage('self.full', 'one');
  await expectMessage('self.full', 'two');
});
