// Tests the removal of exchanges, queues and bindings, without sockets.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import { place } from '../queue-place.ts';

test('the deletion of one exchange deletes a long auto-delete chain', async () => {
  const { vhost } = place();
  const length = 5000;
  const before = vhost.exchanges.size;
  const parts = { type: 'fanout', durable: false, internal: false, arguments: Arguments.none };
  for (let link = 0; link < length; link++) {
    vhost.declareExchange({ ...parts, exchange: `e${link}`, autoDelete: true });
    if (link === 0) continue;
    const ends = { source: `e${link - 1}`, destination: `e${link}`, isQueue: false };
    vhost.bind({ ...ends, routingKey: '', arguments: Arguments.none });
  }
  vhost.deleteExchange(`e${length - 1}`);
  await vhost.slices.idle();
  assert.is(vhost.exchanges.size, before);
});

test('a connection forgets its exclusive queue when it is deleted', () => {
  const { vhost } = place();
  const forgotten: string[] = [];
  const owner = { forgetQueue: ({ name }: { name: string }) => void forgotten.push(name) };
  const parts = { durable: false, exclusive: true, autoDelete: false, arguments: Arguments.none };
  const queue = vhost.declareQueue({ ...parts, queue: 'mine' }, owner);
  assert.equal(forgotten, []);
  vhost.deleteQueue(queue);
  assert.equal(forgotten, ['mine']);
});

test.run();
