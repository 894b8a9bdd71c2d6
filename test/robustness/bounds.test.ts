// Tests that the broker's memory stays bounded and that other clients are served if peers never stop sending, never read, or
// are very many.
//   MQ_IDLE_CONNECTIONS=10000   number of idle connections; the limit of file descriptors may reduce it

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeProperties } from '../../src/broker/codec/properties.ts';
import { node } from '../support/node.ts';
import { countOf } from '../support/random.ts';
import { content, frame, greeting, header, method, publish } from './frames.ts';
import { Peer } from './peer.ts';
import { turns, withBroker } from './running.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Returns the bytes of live objects. */
function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

test('blocks a publisher at the memory limit, serves others, and unblocks it', async () => {
  const limit = 4 * 1024 * 1024;
  await withBroker(
    async ({ port, memory }) => {
      const publisher = await Peer.open(port, { capabilities: { 'connection.blocked': true } });
      const other = await Peer.open(port);
      publisher.send(method(1, 'queue.declare', { queue: 'q', durable: true }));
      other.send(method(1, 'queue.declare', { queue: 'p', durable: true }));
      await publisher.until('queue.declare-ok');
      const one = Buffer.concat(publish(1, { routingKey: 'q' }, Buffer.alloc(3000)));
      let isRoom = true;
      let sent = 0;
      publisher.socket.on('drain', () => {
        isRoom = true;
      });
      /** Publishes until the broker blocks the connection. */
      const publishUntilBlocked = async () => {
        const blocked = publisher.until('connection.blocked');
        let isBlocked = false;
        void blocked.then(() => {
          isBlocked = true;
        });
        await turns('the publisher is blocked and its socket is full', () => {
          while (isRoom && sent < 100_000) {
            isRoom = publisher.socket.write(one);
            sent++;
          }
          return isBlocked && !isRoom;
        });
        return blocked;
      };
      assert.is((await publishUntilBlocked()).reason, 'low on memory');
      assert.ok(sent < 30_000, `${sent} messages were sent before the broker blocked the publisher`);
      assert.ok(memory.usedBytes < limit + 2 * 1024 * 1024, `${memory.usedBytes} bytes in queues`);
      const used = memory.usedBytes;
      // A client that only consumes is still served.
      for (let count = 0; count < 20; count++) {
        other.send(method(1, 'basic.get', { queue: 'q', noAck: true }));
        await other.until('basic.get-ok');
      }
      assert.ok(memory.usedBytes < used);
      other.send(method(1, 'queue.purge', { queue: 'q' }));
      await publisher.until('connection.unblocked');
      // Messages in transit may be fewer than the limit, so the publisher sends more until it is blocked again.
      await publishUntilBlocked();
      publisher.socket.destroy();
      await other.close();
    },
    { memoryLimitBytes: limit },
  );
});

test('blocks many publishers at the limit before it reads more from them', async () => {
  const limit = 4 * 1024 * 1024;
  await withBroker(
    async ({ port, memory }) => {
      const owner = await Peer.open(port);
      for (let index = 0; index < 300; index++) {
        owner.send(method(1, 'queue.declare', { queue: `x${index}`, exclusive: true }));
        owner.send(method(1, 'queue.bind', { queue: `x${index}`, exchange: 'amq.fanout' }));
      }
      owner.send(method(1, 'basic.qos'));
      await owner.until('basic.qos-ok');
      const many = Buffer.concat(Array.from({ length: 1000 }, () => publish(1, { exchange: 'amq.fanout' }, '')).flat());
      const capabilities = { 'connection.blocked': true };
      const publishers = await Promise.all(Array.from({ length: 10 }, () => Peer.open(port, { capabilities })));
      for (const publisher of publishers) publisher.send(many);
      await Promise.all(publishers.map((publisher) => publisher.until('connection.blocked')));
      assert.ok(memory.usedBytes < 1.25 * limit, `${memory.usedBytes} bytes in queues`);
      for (const peer of [owner, ...publishers]) peer.socket.destroy();
    },
    { memoryLimitBytes: limit },
  );
});

test('a blocked connection still receives and acknowledges messages', async () => {
  const limit = 4 * 1024 * 1024;
  await withBroker(
    async ({ port, memory, vhosts }) => {
      const client = await Peer.open(port, { channels: 2, capabilities: { 'connection.blocked': true } });
      client.send(
        method(1, 'queue.declare', { queue: 'q', durable: true }),
        method(1, 'confirm.select'),
        method(2, 'basic.qos', { prefetchCount: 10 }),
      );
      await client.until('basic.qos-ok');
      const one = publish(1, { routingKey: 'q' }, Buffer.alloc(3000));
      for (let count = 0; count < 1300; count++) client.send(...one);
      await client.until('connection.blocked');
      const queue = vhosts.get('/')?.queues.get('q');
      const kept = queue?.readyCount ?? 0;
      client.send(method(2, 'basic.consume', { queue: 'q' }));
      for (let tag = 1; tag <= 200; tag++) {
        assert.is((await client.until('basic.deliver')).deliveryTag, tag);
        assert.ok(memory.isHigh || tag > 100);
        client.send(method(2, 'basic.ack', { deliveryTag: tag }));
      }
      // The messages that wait are published below the limit, in order and before later methods of the channel are handled.
      client.send(method(1, 'queue.declare', { queue: 'q', passive: true }), method(2, 'basic.cancel'));
      await client.until('queue.declare-ok');
      assert.is(queue?.counters.publish, 1300);
      assert.ok(kept < 1300);
      client.socket.destroy();
    },
    { memoryLimitBytes: limit },
  );
});

test('a few queued messages do not retain the buffer of deleted ones', async () => {
  await withBroker(async ({ port, memory }) => {
    const client = await Peer.open(port);
    client.send(method(1, 'queue.declare', { queue: 'kept', exclusive: true }));
    client.send(method(1, 'queue.declare', { queue: 'gone', exclusive: true, arguments: { 'x-max-length': 1 } }));
    const buffers = () => process.memoryUsage().arrayBuffers;
    const before = buffers();
    const hundred = Buffer.concat([
      ...publish(1, { routingKey: 'kept' }, Buffer.alloc(80)),
      ...Array.from({ length: 99 }, () => publish(1, { routingKey: 'gone' }, Buffer.alloc(80))).flat(),
    ]);
    for (let count = 0; count < 2000; count++) {
      if (!client.socket.write(hundred)) await once(client.socket, 'drain');
    }
    client.send(method(1, 'queue.declare', { queue: 'kept', passive: true }));
    for (let answers = 0; answers < 3; answers++) await client.until('queue.declare-ok');
    assert.ok(memory.usedBytes < 2 * 1024 * 1024, `${memory.usedBytes} bytes are counted`);
    collect();
    assert.ok(buffers() - before < 4 * 1024 * 1024, `${buffers() - before} bytes of buffers`);
    client.socket.destroy();
  });
});

test('messages of a consumer that never reads stay in the queue', () =>
  withBroker(async ({ port, vhosts }) => {
    const unread = await Peer.open(port);
    unread.send(method(1, 'queue.declare', { queue: 'q', durable: true }));
    await unread.until('queue.declare-ok');
    unread.send(method(1, 'basic.consume', { queue: 'q', noAck: true }));
    await unread.until('basic.consume-ok');
    unread.socket.pause();
    const publisher = await Peer.open(port);
    publisher.send(method(1, 'confirm.select'));
    const one = Buffer.concat(publish(1, { routingKey: 'q' }, Buffer.alloc(4000)));
    for (let count = 0; count < 8000; count++) publisher.send(one);
    for (let tag = 0; tag < 8000; ) tag = (await publisher.until('basic.ack')).deliveryTag;
    const ready = vhosts.get('/')?.queues.get('q')?.readyCount ?? 0;
    // The kernel buffers a part of the 32 MB, and the broker buffers 1 MB.
    assert.ok(ready > 2000, `only ${ready} messages stayed in the queue`);
    unread.socket.resume();
    await turns(
      'the consumer reads again and receives all messages',
      () => unread.frames.filter(({ type }) => type === 1).length === 8000,
    );
    await Promise.all([unread.close(), publisher.close()]);
  }));

test('responses to a client that never reads use bounded memory', () =>
  withBroker(async ({ port, connections }) => {
    const unread = await Peer.open(port);
    unread.socket.pause();
    const [connection] = connections;
    const many = Buffer.concat(
      Array.from({ length: 1000 }, () => method(1, 'queue.declare', { queue: 'q'.repeat(200), exclusive: true })),
    );
    let isRoom = true;
    unread.socket.on('drain', () => {
      isRoom = true;
    });
    let quiet = 0;
    let last = 0;
    // Waits until the broker has not received anything for many turns.
    await turns('the broker stops reading', () => {
      while (isRoom) isRoom = unread.socket.write(many);
      const { bytesReceived } = connection?.details ?? { bytesReceived: 0 };
      quiet = bytesReceived === last ? quiet + 1 : 0;
      last = bytesReceived;
      return quiet > 5000;
    });
    assert.ok((connection?.output.bytes ?? 0) < 64 * 1024 * 1024, `${connection?.output.bytes} bytes of responses`);
    unread.socket.destroy();
    await turns('the connection is removed', () => connections.size === 0);
  }));

test('direct replies to a client that never reads use bounded memory', () =>
  withBroker(async ({ port, connections }) => {
    const unread = await Peer.open(port);
    const [connection] = connections;
    const server = await Peer.open(port);
    server.send(method(1, 'queue.declare', { queue: 'rpc', exclusive: true }), method(1, 'confirm.select'));
    await server.until('confirm.select-ok');
    unread.send(
      method(1, 'basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true }),
      ...publish(1, { routingKey: 'rpc' }, 'ask', { replyTo: 'amq.rabbitmq.reply-to' }),
      method(1, 'basic.qos'),
    );
    await unread.until('basic.qos-ok');
    unread.socket.pause();
    server.send(method(1, 'basic.get', { queue: 'rpc', noAck: true }));
    await server.until('basic.get-ok');
    const { replyTo = '' } = decodeProperties((await server.next())?.payload ?? Buffer.alloc(0), 12);
    const reply = Buffer.concat(publish(1, { routingKey: replyTo }, Buffer.alloc(100_000)));
    for (let tag = 0; tag < 1000; tag = (await server.until('basic.ack')).deliveryTag) server.send(reply);
    assert.ok(
      (connection?.output.waitingBytes ?? 0) < 40 * 1024 * 1024,
      `${connection?.output.waitingBytes} bytes wait`,
    );
    unread.socket.destroy();
    await server.close();
  }));

test('a body in a million frames, most of them empty, uses bounded memory', () =>
  withBroker(async ({ port }) => {
    const peer = await Peer.open(port, { channels: 2 });
    peer.send(
      method(1, 'queue.declare', { queue: 'q', exclusive: true }),
      method(1, 'basic.publish', { routingKey: 'q' }),
    );
    const head = content(1, Buffer.alloc(0))[0] as Buffer;
    head.writeBigUInt64BE(400_000n, 7 + 4);
    peer.send(head);
    const before = heapUsed();
    const pieces = Buffer.concat(
      Array.from({ length: 2000 }, (_, index) => frame(3, 1, Buffer.alloc(index % 10 === 0 ? 1 : 0))),
    );
    for (let times = 0; times < 500; times++) {
      if (!peer.socket.write(pieces)) await new Promise<void>((done) => peer.socket.once('drain', () => done()));
    }
    peer.send(method(2, 'basic.qos'));
    await peer.until('basic.qos-ok');
    // The broker has received all of these frames, but not the end of the body.
    const growth = heapUsed() - before;
    for (let left = 300_000; left > 0; left -= 4000) peer.send(frame(3, 1, Buffer.alloc(4000, 'y')));
    peer.send(method(1, 'basic.get', { queue: 'q', noAck: true }));
    await peer.until('basic.get-ok');
    await peer.next();
    const bodies: Buffer[] = [];
    for (let left = 400_000; left > 0; left -= bodies.at(-1)?.length ?? left) {
      bodies.push((await peer.next())?.payload ?? Buffer.alloc(0));
    }
    const body = Buffer.concat(bodies).toString('latin1');
    assert.ok(body === '\0'.repeat(100_000) + 'y'.repeat(300_000), 'the body is complete and in order');
    assert.ok(growth < 8 * 1024 * 1024, `the heap grew by ${growth} bytes`);
    await peer.close();
  }));

const idle = Math.min(countOf('MQ_IDLE_CONNECTIONS', 10_000), Math.floor((descriptors() - 200) / 2));

test(`${idle} idle connections use bounded memory (descriptors: ${descriptors()})`, () =>
  withBroker(async ({ port, connections }) => {
    const handshake = Buffer.concat([header, ...greeting({ heartbeat: 0 })]);
    collect();
    const before = process.memoryUsage().rss;
    const peers: Peer[] = [];
    while (peers.length < idle) {
      const some = Array.from({ length: Math.min(100, idle - peers.length) }, async () => {
        const peer = await Peer.connect(port);
        peer.send(handshake);
        await peer.until('connection.open-ok');
        return peer;
      });
      peers.push(...(await Promise.all(some)));
    }
    assert.is(connections.size, idle);
    collect();
    const each = (process.memoryUsage().rss - before) / idle;
    // Both ends of each connection are in this process.
    assert.ok(each < 64 * 1024, `${Math.round(each)} bytes for each`);
    console.log(`  ${idle} idle connections, ${Math.round(each)} bytes for both ends of each`);
    const next = await Peer.open(port);
    next.send(method(1, 'basic.qos'));
    await next.until('basic.qos-ok');
    await next.close();
    for (const peer of peers) peer.socket.destroy();
    await turns('all connections are removed', () => connections.size === 0);
  }));

test('a broker without free file descriptors still serves its clients', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-descriptors-'));
  const program = join(import.meta.dirname, 'crash-broker.ts');
  const limited = ['-c', 'ulimit -n 64; exec "$0" "$@"', node, program, folder];
  const child = spawn('/bin/sh', limited, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    const [line] = await once(child.stdout, 'data');
    const port = Number(new URL(JSON.parse(String(line)).url).port);
    const first = await Peer.open(port);
    const peers = await Promise.all(Array.from({ length: 100 }, () => Peer.connect(port)));
    const served = async () => {
      first.send(method(1, 'basic.qos'));
      await first.until('basic.qos-ok');
    };
    // The broker closes a connection that it cannot accept, or the connection waits in the kernel's backlog.
    await served();
    for (const peer of peers) peer.send(header);
    await served();
    assert.is(child.exitCode, null);
    for (const peer of peers) peer.socket.destroy();
    await Promise.all(peers.map(({ closed }) => closed));
    await served();
    const next = await Peer.open(port);
    await Promise.all([next.close(), first.close()]);
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true });
  }
});

/** Returns the number of files that this process may open. */
function descriptors(): number {
  try {
    return Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1024);
  } catch {
    return 1024;
  }
}

test.run();
