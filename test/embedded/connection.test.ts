// Tests how connections to the embedded broker open and close.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeMethod } from '../../src/broker/codec/methods.ts';
import { HandClock } from '../support/broker-clock.ts';
import { everything, Place, refusal } from '../support/embedded.ts';
import { until } from '../support/until.ts';

const header = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

test('the server sends its properties and capabilities', () =>
  Place.with({ version: '1.2.3' }, async (place) => {
    const connection = await place.connection();
    const { serverProperties } = connection.connection as unknown as { serverProperties: Record<string, unknown> };
    assert.is(serverProperties['product'], 'RabbitMQ');
    assert.is(serverProperties['platform'], 'mq 1.2.3');
    const capabilities = serverProperties['capabilities'] as Record<string, boolean>;
    assert.ok(Object.values(capabilities).every((can) => can));
    assert.is(Object.keys(capabilities).length, 9);
  }));

test('refuses a wrong password with 403', () =>
  Place.with({}, async (place) => {
    const error = await place.connection({ password: 'wrong' }).catch((failure: Error) => failure);
    assert.match(
      String(error),
      /403 \(ACCESS-REFUSED\).*ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN/,
    );
  }));

test('refuses an unknown or forbidden virtual host with 530', async () => {
  const lines: string[] = [];
  const options = { users: [{ name: 'guest', password: 'guest' }], log: (line: string) => void lines.push(line) };
  await Place.with(options, async (place) => {
    place.broker.addVhost('mine');
    // amqplib does not expose the text of the broker here.
    for (const vhost of ['nope', 'mine']) {
      const error = await place.connection({ vhost }).catch((failure: Error) => failure);
      assert.match(String(error), /ConnectionClose/);
    }
    assert.match(lines[0] ?? '', /NOT_ALLOWED - vhost nope not found$/);
    assert.match(lines[1] ?? '', /NOT_ALLOWED - access to vhost 'mine' refused for user 'guest'$/);
  });
});

test('refuses a forbidden request with 403 and the name of the object', () =>
  Place.with({}, async (place) => {
    const { users } = place.broker;
    users.put({ name: 'bob', password: 'b' });
    users.allow('bob', '/', { configure: '^bob-', write: '^bob-', read: '^$' });
    const connection = await place.connection({ user: 'bob', password: 'b' });
    await (await place.channel(connection)).assertQueue('bob-1');
    users.put({ name: 'generic', password: 'g' });
    users.allow('generic', '/', { configure: '^amq\\.gen-', write: '^$', read: '^$' });
    const generic = await place.channel(await place.connection({ user: 'generic', password: 'g' }));
    await generic.assertQueue('', { exclusive: true });
    const cases = [
      ['configure', 'queue', 'alice', (c) => c.assertQueue('alice')],
      ['configure', 'queue', 'alice', (c) => c.checkQueue('alice')],
      ['configure', 'exchange', 'alice', (c) => c.checkExchange('alice')],
      ['write', 'exchange', 'amq.default', (c) => c.publish('', 'bob-1', Buffer.from('x'))],
      ['read', 'queue', 'bob-1', (c) => c.get('bob-1')],
    ] as [string, string, string, (channel: Awaited<ReturnType<Place['channel']>>) => unknown][];
    for (const [access, kind, name, use] of cases) {
      const channel = await place.channel(connection);
      assert.equal(await refusal(channel, () => use(channel)), {
        code: 403,
        text: `ACCESS_REFUSED - ${access} access to ${kind} '${name}' in vhost '/' refused for user 'bob'`,
      });
    }
  }));

test('answers another protocol with its version, and closes', () =>
  Place.with({}, async (place) => {
    for (const greeting of ['GET / HTTP/1.1\r\n\r\n', 'AMQP\0\x01\0\0', 'AMQ?']) {
      const socket = await place.socket();
      socket.write(greeting, 'latin1');
      assert.equal(await everything(socket), header);
    }
  }));

test('closes a peer that is silent for ten seconds in the handshake', async () => {
  const clock = new HandClock();
  await Place.with({ connectionClock: clock }, async (place) => {
    const socket = await place.socket();
    socket.write(header);
    await new Promise((resolve) => socket.once('data', resolve));
    const closed = everything(socket);
    clock.move(9_999);
    assert.is(socket.closed, false);
    clock.move(1);
    await closed;
  });
});

test('accepts a protocol header that arrives byte by byte', () =>
  Place.with({}, async (place) => {
    const socket = await place.socket();
    for (const octet of header) socket.write(Buffer.from([octet]));
    const [start] = (await new Promise<Buffer[]>((resolve) => socket.once('data', (chunk) => resolve([chunk])))) as [
      Buffer,
    ];
    assert.equal(start.subarray(7, 11), Buffer.from([0, 10, 0, 10]));
  }));

test('sends heartbeats, and closes a connection that misses two', async () => {
  const clock = new HandClock();
  await Place.with({ connectionClock: clock }, async (place) => {
    const socket = await opened(place, 10);
    const heartbeat = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
    });
    const closed = everything(socket);
    clock.move(19_000);
    assert.is(place.broker.connections.size, 1);
    await until('a heartbeat arrived', () => received.includes(heartbeat));
    clock.move(6_000);
    await closed;
  });
});

test('closing the broker closes each connection with the reason', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const error = new Promise<Error & { code?: number }>((resolve) => connection.once('close', resolve));
    await place.broker.close();
    assert.match(
      (await error).message,
      /320 .*CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'/,
    );
  }));

test('closes with 501 after a frame that is too large or has a wrong end', () =>
  Place.with({}, async (place) => {
    for (const bytes of [
      [1, 0, 0, 0xff, 0xff, 0xff, 0xff],
      [1, 0, 0, 0, 0, 0, 1, 65, 0],
    ]) {
      const socket = await opened(place, 0);
      const received = everything(socket);
      socket.write(Buffer.from(bytes));
      await until('connection.close has arrived', () => socket.bytesRead > 20);
      socket.end();
      assert.ok((await received).includes('FRAME_ERROR - type 1'));
    }
  }));

test('removes the connection and its exclusive queues when it closes', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    const channel = await place.channel(connection);
    await channel.assertQueue('mine', { exclusive: true });
    await connection.close();
    await until('the broker has removed the connection', () => place.broker.connections.size === 0);
    assert.is(place.broker.vhosts.get('/')?.queues.size, 0);
  }));

async function opened(place: Place, heartbeat: number) {
  const socket = await place.socket();
  const seen = place.broker.connections.size;
  socket.write(header);
  const frames = [
    encodeMethod('connection.start-ok', {
      clientProperties: { capabilities: { authentication_failure_close: true } },
      mechanism: 'PLAIN',
      response: '\0guest\0guest',
      locale: 'en_US',
    }),
    encodeMethod('connection.tune-ok', { channelMax: 0, frameMax: 8192, heartbeat }),
    encodeMethod('connection.open', { virtualHost: '/', reserved1: '', reserved2: false }),
  ];
  frames[1] = encodeMethod('connection.tune-ok', { channelMax: 100, frameMax: 8192, heartbeat });
  for (const payload of frames) {
    const head = Buffer.from([1, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(payload.length, 3);
    socket.write(Buffer.concat([head, payload, Buffer.from([0xce])]));
  }
  await until('the connection is open', () => place.broker.connections.size > seen);
  return socket;
}

test.run();
