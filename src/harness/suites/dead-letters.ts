// Tests which messages a queue dead-letters, and which headers the dead letters have.

import { listOf, objectOf, type Plain } from '../../config/plain.ts';
import { assert, broker, clock, expectMessage, publish, type ReceivedMessage, test } from '../test-file/user.ts';

function deathOf({ headers }: ReceivedMessage): Plain {
  return objectOf(listOf(headers['x-death'])[0]);
}

test('a queue dead-letters a message older than its TTL', async () => {
  await publish('self.brief', 'old');
  if (broker.kind === 'embedded') await clock.advance(500);
  const { reason, queue, exchange, count } = deathOf(await expectMessage('self.dead-letters', 'old'));
  assert.equal({ reason, queue, exchange, count }, { reason: 'expired', queue: 'self.brief', exchange: '', count: 1 });
});

test('a queue dead-letters a message older than its own expiration', async () => {
  await publish('self.single', 'short-lived', { properties: { expiration: '300' } });
  if (broker.kind === 'embedded') await clock.advance(300);
  const dead = await expectMessage('self.dead-letters', 'short-lived');
  assert.is(deathOf(dead)['reason'], 'expired');
  assert.is(dead.properties['expiration'], undefined);
});

test('a queue above its maximum length dead-letters the oldest message', async () => {
  for (const body of ['one', 'two', 'three']) await publish('self.short', body);
  assert.is(deathOf(await expectMessage('self.dead-letters', 'one'))['reason'], 'maxlen');
  await expectMessage('self.short', 'two');
  await expectMessage('self.short', 'three');
});

test('the headers of a dead letter name its first queue and reason', async () => {
  await publish('self.brief', 'first', { headers: { own: 1 } });
  if (broker.kind === 'embedded') await clock.advance(500);
  const { headers } = await expectMessage('self.dead-letters', 'first');
  assert.is(headers['own'], 1);
  assert.is(headers['x-first-death-queue'], 'self.brief');
  assert.is(headers['x-first-death-reason'], 'expired');
});
