// Tests the outcomes that a publisher receives: confirmed, refused, unroutable.

import { assert, expectMessage, publish, test } from '../test-file/user.ts';

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'none',
    (error: { code?: unknown }) => error.code,
  );
}

test('the broker confirms a message that a queue has stored', async () => {
  assert.is((await publish('self.quorum', 'kept')).outcome, 'confirmed');
  await expectMessage('self.quorum', 'kept');
});

test('the broker confirms each of a thousand concurrent messages once', async () => {
  const sent = await Promise.all(Array.from({ length: 1000 }, (_, index) => publish('self.quorum', String(index))));
  assert.is(new Set(sent.map(({ messageId }) => messageId)).size, 1000);
  for (let index = 0; index < 1000; index++) await expectMessage('self.quorum', String(index));
});

test('a mandatory message without a queue is returned', async () => {
  assert.is(await codeOf(publish('self.direct', 'lost', { routingKey: 'no-queue' })), 'UNROUTABLE');
});

test('a message without a queue is confirmed if it is not mandatory', async () => {
  const sent = await publish('self.direct', 'lost', { routingKey: 'no-queue', mandatory: false });
  assert.is(sent.outcome, 'confirmed');
});

test('a full queue refuses a message', async () => {
  await publish('self.full', 'one');
  await publish('self.full', 'two');
  assert.is(await codeOf(publish('self.full', 'three')), 'REFUSED');
  await expectMessage('self.full', 'one');
  await expectMessage('self.full', 'two');
});
