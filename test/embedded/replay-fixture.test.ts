// replay() of mq/test publishes a recording and moves the clock of the embedded broker by the recorded pauses.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, mq } from '../support/mq.ts';
import { type MadeMessage, writeRecording } from '../support/recording.ts';

const config = JSON.stringify({
  vhosts: {
    '/': {
      exchanges: { orders: { type: 'topic' }, dead: { type: 'fanout' } },
      queues: {
        billing: { options: { arguments: { 'x-message-ttl': 3_600_000, 'x-dead-letter-exchange': 'dead' } } },
        morgue: {},
      },
      bindings: { 'orders[#] -> billing': {}, 'dead -> morgue': {} },
    },
  },
});
const hourMs = 3_600_000;

function message(body: string, time: number, properties = {}): MadeMessage {
  return { exchange: 'orders', routingKey: 'order.paid', body: Buffer.from(body), properties, time };
}

const test = suite('replay of mq/test');

test('moves the clock by the recorded pauses', async () => {
  const cwd = emptyFolder({
    'rascal.json': config,
    'a.test.ts': `
import { assert, expectMessage, replay, test } from 'mq/test';

test('an old order expires before the next one arrives', async () => {
  assert.is(await replay('orders.ndjson.gz'), 2);
  const expired = await expectMessage({ queue: 'morgue' }, 'first');
  assert.equal(expired.headers.size, 7);
  assert.is(expired.fields.routingKey, 'order.paid');
  await expectMessage({ queue: 'billing' }, 'second');
});
test('another queue receives the messages', async () => {
  assert.is(await replay('orders.ndjson.gz', { to: { queue: 'morgue' } }), 2);
  await expectMessage({ queue: 'morgue' }, 'first');
  await expectMessage({ queue: 'morgue' }, 'second');
});
test('a missing file fails', async () => {
  await replay('none.ndjson').then(() => assert.unreachable(), ({ code }) => assert.is(code, 'NO_INPUT'));
});
test('an unroutable message fails', async () => {
  const to = { to: { queue: 'none' } };
  await replay('orders.ndjson.gz', to).then(() => assert.unreachable(), ({ code }) => assert.is(code, 'UNROUTABLE'));
});
`,
  });
  const first = message('first', 0, { headers: { size: 7 } });
  await writeRecording(cwd, 'orders.ndjson.gz', [first, message('second', 2 * hourMs)]);
  const { status, stdout, stderr } = await mq(['test'], { cwd });
  assert.is(status, 0, stdout + stderr);
});

test.run();
