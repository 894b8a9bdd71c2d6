// Closes connections while a role sets them up: the role reconnects, or ends with its status.

import { connect, createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBroker } from '../../src/broker/server.ts';
import { mq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';

// AMQP 0-9-1: channel.close is method 40 of class 20. Rascal closes its channels after the declarations.
const channelClose = Buffer.from([0, 20, 0, 40]);

interface Proxied {
  readonly url: string;
  /** Address of the broker behind the proxy. */
  readonly direct: string;
  /** Resets each connection when its declarations are complete. */
  breaks: boolean;
  resets: number;
  closeAll(): void;
}

/** Starts a broker behind a proxy that can reset each connection at channel.close. */
async function withProxy(use: (proxy: Proxied) => Promise<void>) {
  const broker = await startBroker({ port: 0 });
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(broker.port, '127.0.0.1');
    clients.add(client);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.on('data', (chunk) => {
      if (!proxy.breaks || !chunk.includes(channelClose)) return upstream.write(chunk);
      proxy.resets += 1;
      client.resetAndDestroy();
      return false;
    });
    upstream.pipe(client);
    client.once('close', () => {
      clients.delete(client);
      upstream.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const closeAll = () => {
    for (const client of clients) client.resetAndDestroy();
  };
  const [url, direct] = [port, broker.port].map((one) => `amqp://127.0.0.1:${one}`) as [string, string];
  const proxy = { url, direct, breaks: false, closeAll, resets: 0 };
  try {
    await use(proxy);
  } finally {
    closeAll();
    server.close();
    await broker.close();
  }
}

test('a role reconnects each time its connection is lost after the set-up', () =>
  withProxy(async (proxy) => {
    const env = { MQ_URL: proxy.url };
    const worker = startMq(['worker'], { env });
    worker.stdin.end();
    await worker.prints(/waiting for messages/, 'stderr');
    proxy.breaks = true;
    proxy.closeAll();
    await until('three connections were reset', () => proxy.resets > 2);
    proxy.breaks = false;
    assert.is((await mq(['task', 'text'], { env })).status, 0);
    await worker.prints(/^text$/m);
    assert.is((await worker.stop()).status, 0);
  }));

for (const role of [['worker'], ['task', 'text'], ['rpc-server'], ['rpc-client', '5'], ['receive-logs']]) {
  test(`a connection lost in the first set-up ends ${role[0]} with 69`, () =>
    withProxy(async (proxy) => {
      proxy.breaks = true;
      const { status, stderr } = await mq(role, { env: { MQ_URL: proxy.url } });
      assert.is(status, 69, stderr);
      assert.match(stderr, /\[UNAVAILABLE\]/);
    }));
}

test('a connection lost in the first set-up leads to the next address', () =>
  withProxy(async (proxy) => {
    proxy.breaks = true;
    const env = { MQ_URL: `${proxy.url},${proxy.direct}` };
    const logs = startMq(['receive-logs'], { env });
    await logs.prints(/waiting for messages/, 'stderr');
    assert.is((await mq(['task', 'text'], { env })).status, 0);
    assert.is((await logs.stop()).status, 0);
    assert.ok(proxy.resets >= 2);
  }));

test.run();
