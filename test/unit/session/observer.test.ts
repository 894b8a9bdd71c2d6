import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { IllegalOperationError } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../src/session/channel.ts';
import type { BrokerConnection } from '../../../src/session/connecting/broker-connection.ts';
import { Observer } from '../../../src/session/observer.ts';

test.before.each(() => mock.timers.enable({ apis: ['setTimeout'] }));
test.after.each(() => mock.timers.reset());

/**
 * A broker that is unreachable until `back`, one that accepts channels but does not answer until then, or one whose connection is
 * lost after it has opened a channel.
 */
function observed(broker: 'unreachable' | 'silent' | 'lost') {
  const seen = { wanted: 0, asked: 0, open: 0 };
  const waiting: (() => void)[] = [];
  let isBack = false;
  const channel = async (): Promise<Channel> => {
    seen.wanted += 1;
    if (broker === 'unreachable' && !isBack) await new Promise<void>((resolve) => waiting.push(resolve));
    seen.open += 1;
    const made = new EventEmitter();
    return Object.assign(made, {
      checkQueue: (_: string, next: (error: null, ok: object) => void) => {
        seen.asked += 1;
        if (broker === 'lost') throw new IllegalOperationError('Channel closed', '');
        if (isBack) next(null, { messageCount: 3, consumerCount: 1 });
      },
      close: () => {
        seen.open -= 1;
        made.emit('close');
      },
    }) as unknown as Channel;
  };
  const back = () => {
    isBack = true;
    for (const resolve of waiting) resolve();
  };
  return { observer: new Observer({ channel } as unknown as BrokerConnection, '/'), seen, back };
}

/** Waits for the callbacks of settled promises. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function late(observer: Observer): Promise<unknown> {
  const asking = observer.depths(['q']).catch((error: { code: string }) => error.code);
  await turn();
  mock.timers.tick(3000);
  return asking;
}

test('at most one request waits while the broker is unreachable', async () => {
  const { observer, seen, back } = observed('unreachable');
  assert.is(await late(observer), 'UNAVAILABLE');
  assert.is(await observer.depths(['q']).catch((error: { code: string }) => error.code), 'UNAVAILABLE');
  assert.is(seen.wanted, 1);
  back();
  await turn();
  assert.equal([seen.asked, seen.open], [0, 0], 'no request is pending');
  assert.equal([...(await observer.depths(['q']))], [['q', { ready: 3, consumers: 1 }]]);
  assert.is(seen.open, 0);
});

test('reports a connection that is lost before the request is sent', async () => {
  const { observer } = observed('lost');
  const refused = async (asking: Promise<unknown>) => asking.catch((error: { code: string }) => error.code);
  assert.is(await refused(observer.depths(['q'])), 'UNAVAILABLE');
  assert.is(await refused(observer.presence('queue', 'q')), 'UNAVAILABLE');
});

test('closes the channel of a request that is not answered', async () => {
  const { observer, seen, back } = observed('silent');
  assert.is(await late(observer), 'UNAVAILABLE');
  assert.equal([seen.asked, seen.open], [1, 0]);
  back();
  assert.is((await observer.depths(['q'])).size, 1);
});

test.run();
