import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Link } from '../../../src/session/connecting/link.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { Sent } from '../../../src/session/outgoing-message.ts';
import { Publisher } from '../../../src/session/publisher.ts';

const publishers: Publisher[] = [];
test.after(() => {
  for (const publisher of publishers) publisher.close();
});

/** A socket that takes everything at once. */
const connection = { stream: { bytesWritten: 0, writableLength: 0, writableNeedDrain: false } };

/** A link whose broker never answers. */
function silentLink(): EventEmitter {
  const confirmChannel = async () => Object.assign(new EventEmitter(), { connection, publish: () => true });
  return Object.assign(new EventEmitter(), { confirmChannel });
}

async function sent(
  link: EventEmitter,
  timeoutMs: number,
  nodeTimeoutMs = 25_000,
): Promise<{ outcome: Promise<Sent> }> {
  const settings = {
    vhost: '/',
    window: 10,
    timeoutMs,
    nodeTimeoutMs,
    counts: newCounts(),
    redact: (text: string) => text,
  };
  const publisher = await Publisher.open(link as unknown as Link, settings);
  publishers.push(publisher);
  const message = { exchange: '', routingKey: 'q', body: Buffer.from('x'), mandatory: true };
  return { outcome: publisher.publish({ ...message, properties: { messageId: '1' } }) };
}

test('no message comes into doubt while the broker blocks', async () => {
  const [blocked, free] = [silentLink(), silentLink()];
  const one = await sent(blocked, 50);
  blocked.emit('blocked', 'low on memory');
  let isSettled = false;
  void one.outcome.then(() => {
    isSettled = true;
  });
  // Three times as long without a block is enough for doubt.
  assert.is((await (await sent(free, 150)).outcome).type, 'in doubt');
  assert.not(isSettled);
  blocked.emit('unblocked');
  assert.is((await one.outcome).type, 'in doubt');
});

test('a block ends with its connection', async () => {
  const link = silentLink();
  const { outcome } = await sent(link, 50);
  link.emit('blocked', 'low on memory');
  link.emit('lost', new Error('it is gone'));
  assert.is((await outcome).type, 'in doubt');
});

/** A link whose node never answers; the next one confirms everything. */
function linkWithTwoNodes(): EventEmitter & { left: number } {
  const link = Object.assign(new EventEmitter(), { left: 0 });
  let channel = new EventEmitter();
  return Object.assign(link, {
    confirmChannel: async () => {
      channel = new EventEmitter();
      const publish = (...args: readonly unknown[]) => {
        if (link.left > 0) setImmediate(() => (args[4] as (error: null) => void)(null));
        return true;
      };
      return Object.assign(channel, { connection, publish });
    },
    leave: () => {
      link.left += 1;
      link.emit('left');
      channel.emit('close');
    },
  });
}

test('a node that confirms nothing is left, and the next one confirms what it did not', async () => {
  const link = linkWithTwoNodes();
  const { outcome } = await sent(link, 10_000, 30);
  assert.equal([(await outcome).type, link.left], ['confirmed', 1]);
});

test('a node that blocks is not left', async () => {
  const link = linkWithTwoNodes();
  const { outcome } = await sent(link, 10_000, 30);
  link.emit('blocked', 'low on memory');
  // As long as it takes to leave a node that does not block.
  const other = linkWithTwoNodes();
  await (await sent(other, 10_000, 60)).outcome;
  assert.equal([link.left, other.left], [0, 1]);
  link.emit('unblocked');
  assert.equal([(await outcome).type, link.left], ['confirmed', 1]);
});

test.run();
