import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BrokerConnection } from '../../../src/session/connecting/broker-connection.ts';
import { newCounts } from '../../../src/session/counts.ts';
import type { PublishOutcome } from '../../../src/session/outgoing-message.ts';
import { Publisher } from '../../../src/session/publisher.ts';

const publishers: Publisher[] = [];
test.after(() => {
  for (const publisher of publishers) publisher.close();
});

/** The connection of a channel whose socket sends everything at once. */
const inner = { stream: { bytesWritten: 0, writableLength: 0, writableNeedDrain: false } };

/** A connection whose broker never answers. */
function silentConnection(): EventEmitter {
  const confirmChannel = async () => Object.assign(new EventEmitter(), { connection: inner, sendMessage: () => true });
  return Object.assign(new EventEmitter(), { confirmChannel });
}

async function sent(
  connection: EventEmitter,
  timeoutMs: number,
  nodeTimeoutMs = 25_000,
): Promise<{ outcome: Promise<PublishOutcome> }> {
  const settings = {
    vhost: '/',
    window: 10,
    timeoutMs,
    nodeTimeoutMs,
    counts: newCounts(),
    redact: (text: string) => text,
  };
  const publisher = await Publisher.open(connection as unknown as BrokerConnection, settings);
  publishers.push(publisher);
  const message = { exchange: '', routingKey: 'q', body: Buffer.from('x'), mandatory: true };
  return { outcome: publisher.publish({ ...message, properties: { messageId: '1' } }) };
}

test('puts no message in doubt while the broker blocks', async () => {
  const [blocked, free] = [silentConnection(), silentConnection()];
  const one = await sent(blocked, 50);
  blocked.emit('blocked', 'low on memory');
  let isSettled = false;
  void one.outcome.then(() => {
    isSettled = true;
  });
  // Without a block, a message is in doubt after three times as long.
  assert.is((await (await sent(free, 150)).outcome).type, 'in doubt');
  assert.not(isSettled);
  blocked.emit('unblocked');
  assert.is((await one.outcome).type, 'in doubt');
});

test('a block ends with its connection', async () => {
  const connection = silentConnection();
  const { outcome } = await sent(connection, 50);
  connection.emit('blocked', 'low on memory');
  connection.emit('lost', new Error('it is gone'));
  assert.is((await outcome).type, 'in doubt');
});

/** A connection whose first node never answers, and whose next node confirms everything. */
function connectionWithTwoNodes(): EventEmitter & { left: number } {
  const connection = Object.assign(new EventEmitter(), { left: 0 });
  let channel = new EventEmitter();
  return Object.assign(connection, {
    confirmChannel: async () => {
      channel = new EventEmitter();
      const sendMessage = () => {
        if (connection.left > 0) setImmediate(() => channel.emit('ack', { deliveryTag: 1, multiple: false }));
        return true;
      };
      return Object.assign(channel, { connection: inner, sendMessage });
    },
    leave: () => {
      connection.left += 1;
      connection.emit('left');
      channel.emit('close');
    },
  });
}

test('leaves a node that confirms nothing, and republishes at the next one', async () => {
  const connection = connectionWithTwoNodes();
  const { outcome } = await sent(connection, 10_000, 30);
  assert.equal([(await outcome).type, connection.left], ['confirmed', 1]);
});

test('does not leave a node that blocks', async () => {
  const connection = connectionWithTwoNodes();
  const { outcome } = await sent(connection, 10_000, 30);
  connection.emit('blocked', 'low on memory');
  // A node that does not block is left in this time.
  const other = connectionWithTwoNodes();
  await (await sent(other, 10_000, 60)).outcome;
  assert.equal([connection.left, other.left], [0, 1]);
  connection.emit('unblocked');
  assert.equal([(await outcome).type, connection.left], ['confirmed', 1]);
});

test.run();
