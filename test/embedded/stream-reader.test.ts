// Tests how a reader of a stream ends if its broker stops to answer.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Place } from '../support/embedded.ts';
import { startMessageProxy } from '../support/message-proxy.ts';
import { emptyFolder, mq } from '../support/mq.ts';

const stream = { options: { durable: true, arguments: { 'x-queue-type': 'stream' } } };
const config = {
  vhosts: { '/': { queues: { events: stream } } },
  publications: { to: { queue: 'events' } },
  subscriptions: { from: { queue: 'events' } },
};

test('a reader whose last offset is not confirmed ends with 75', () =>
  Place.with({ port: 0 }, async (place) => {
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
    assert.is((await mq(['publish', 'to', 'one', '--url', place.url()], { cwd })).status, 0);
    // The first message of the reader is its offset.
    const proxy = await startMessageProxy(place.broker.port, { stall: { before: 1, ms: 2 ** 31 - 1 } });
    const args = ['subscribe', 'from', '--offset-name', 'reader', '--count', '1', '--url', proxy.url];
    const { status, stdout, stderr } = await mq(args, { cwd });
    proxy.close();
    assert.is(stdout, 'one\n');
    assert.match(stderr, /the last offset may not be stored in the queue 'events\.offset\.reader'.* \[IN_DOUBT\]/);
    assert.is(status, 75);
  }));

test.run();
