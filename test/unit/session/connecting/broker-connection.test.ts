// Tests that a request for a channel always ends.

import { EventEmitter } from 'node:events';
import type { RascalBroker } from 'rascal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import { BrokerConnection } from '../../../../src/session/connecting/broker-connection.ts';
import type { ReconnectLimit } from '../../../../src/session/connecting/reconnect-limiter.ts';
import type { CreatedVhost } from '../../../../src/session/patches/vhosts.ts';

type Next = (error?: Error | null, channel?: unknown) => void;

/** A connection to one vhost. `requests` contains the callbacks of its requests for channels. */
function fakeConnection(reconnect?: ReconnectLimit) {
  const requests: Next[] = [];
  const vhost = { connectionIndex: 0, init: () => undefined, getChannel: (next: Next) => requests.push(next) };
  const created = { vhost, config: { connections: [{}], queues: {} } } as unknown as CreatedVhost;
  const broker = Object.assign(new EventEmitter(), { shutdown: (next: () => void) => next() });
  const connection = new BrokerConnection(
    broker as unknown as RascalBroker,
    new Map([['/', created]]),
    { connectionName: 'test', closeTimeoutMs: 10, reconnect, redact: String },
    0,
  );
  return { connection, broker, requests };
}

function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error instanceof MqError && error.code,
  );
}

const noVhost = new Error(
  'Handshake terminated by server: 530 (NOT-ALLOWED) with message "NOT_ALLOWED - vhost / not found"',
);

test('ends a waiting request when the broker refuses the next login', async () => {
  const { connection, broker } = fakeConnection();
  broker.emit('error', new Error('read ECONNRESET'));
  const channel = codeOf(connection.channel('/'));
  broker.emit('error', noVhost);
  assert.is(await channel, 'CONFIG');
  assert.is(await codeOf(connection.channel('/')), 'CONFIG');
  await connection.close();
});

test('ends a waiting request at the limit for reconnects', async () => {
  const { connection, broker } = fakeConnection({ tries: 1 });
  broker.emit('error', new Error('read ECONNRESET'));
  const channel = codeOf(connection.channel('/'));
  broker.emit('error', new Error('read ECONNRESET'));
  assert.is(await channel, 'UNAVAILABLE');
  await connection.close();
});

test('opens channels again when Rascal connects after a fatal error', async () => {
  const { connection, broker, requests } = fakeConnection();
  broker.emit('error', noVhost);
  broker.emit('vhost_initialised');
  const channel = connection.channel('/');
  requests[0]?.(null, 'a channel');
  assert.is(await channel, 'a channel' as never);
  await connection.close();
});

test('closes a channel that opens after its request has ended', async () => {
  const { connection, broker, requests } = fakeConnection();
  const channel = codeOf(connection.channel('/'));
  broker.emit('error', noVhost);
  let isClosed = false;
  requests[0]?.(null, {
    close: () => {
      isClosed = true;
    },
  });
  await channel;
  assert.ok(isClosed);
  await connection.close();
});

test('rejects with an MqError when the connection is lost', async () => {
  const { connection, requests } = fakeConnection();
  const channel = codeOf(connection.channel('/'));
  requests[0]?.(new Error('Channel ended, no reply will be forthcoming'));
  assert.is(await channel, 'UNAVAILABLE');
  await connection.close();
});

test.run();
