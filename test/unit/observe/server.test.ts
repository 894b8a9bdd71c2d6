// Tests the server of --metrics and its client.

import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../src/errors.ts';
import { askReadiness } from '../../../src/observe/ask.ts';
import { type MetricsServer, serveMetrics } from '../../../src/observe/server.ts';
import { type Counts, newCounts } from '../../../src/session/counts.ts';

const loopback = { host: '127.0.0.1', port: 0 };

async function serving(use: (server: MetricsServer, counts: Counts) => Promise<void>): Promise<void> {
  const counts = { ...newCounts(), connections: 1, connected: 1, consumers: 1 };
  const server = await serveMetrics({ name: 'worker', isConsuming: true, counts, isStopping: () => false }, loopback);
  try {
    await use(server, counts);
  } finally {
    await server.close();
  }
}

test('serves /metrics, /healthz and /readyz', () =>
  serving(async ({ url }, counts) => {
    const metrics = await fetch(`${url}/metrics?x=1`);
    assert.equal(
      [metrics.status, metrics.headers.get('content-type')],
      [200, 'text/plain; version=0.0.4; charset=utf-8'],
    );
    assert.match(await metrics.text(), /^mq_ready 1$/m);
    assert.equal(await page(`${url}/healthz`), [200, 'ok\n']);
    assert.equal(await page(`${url}/readyz`), [200, 'ready\n']);
    counts.consumers = 0;
    assert.equal(await page(`${url}/readyz`), [503, 'no consumer is attached\n']);
    assert.match((await page(`${url}/metrics`))[1] ?? '', /^mq_ready 0$/m);
    assert.equal(await page(`${url}/healthz`), [200, 'ok\n']);
  }));

test('other paths and methods are refused', () =>
  serving(async ({ url }) => {
    for (const path of ['/', '/metrics/', '/constructor']) assert.is((await fetch(url + path)).status, 404, path);
    assert.is((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status, 405);
    assert.is((await fetch(`${url}/readyz`, { method: 'HEAD' })).status, 200);
  }));

test('drops the oldest idle connection for a new probe', () =>
  serving(async ({ url }) => {
    const { port } = new URL(url);
    const sockets: Socket[] = [];
    try {
      for (let count = 0; count < 65; count++) {
        const socket = connect(Number(port), '127.0.0.1');
        socket.on('error', () => undefined);
        sockets.push(socket);
        await once(socket, 'connect');
      }
      const [first] = sockets;
      if (first?.closed === false) await once(first.resume(), 'close');
      assert.equal(await page(`${url}/healthz`), [200, 'ok\n']);
      assert.equal(await page(`${url}/readyz`), [200, 'ready\n']);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  }));

test('closes although a client keeps its connection open', async () => {
  let open: ReturnType<typeof request> | undefined;
  await serving(async ({ url }) => {
    const socketOpened = Promise.withResolvers<void>();
    open = request(`${url}/metrics`, { method: 'POST', headers: { 'content-length': '10' } });
    open.on('error', () => undefined);
    open.on('response', (response) => {
      response.resume();
      socketOpened.resolve();
    });
    open.write('x');
    await socketOpened.promise;
  });
  open?.destroy();
});

test('a port in use is reported as SYSTEM', () =>
  serving(async ({ url }) => {
    const port = Number(new URL(url).port);
    const role = { name: 'worker', isConsuming: true, counts: newCounts(), isStopping: () => false };
    const error = await serveMetrics(role, { ...loopback, port }).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    assert.instance(error, MqError);
    assert.is((error as MqError).code, 'SYSTEM');
  }));

test('a server that never answers is reported as not ready', async () => {
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const answer = await askReadiness(new URL(`http://127.0.0.1:${port}`), 100);
  assert.equal(answer, { isReady: false, why: 'no answer within 0.1 s' });
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test('mq health reports ready, the reason, or no answer', async () => {
  let gone = new URL('http://127.0.0.1:1');
  await serving(async ({ url }, counts) => {
    gone = new URL(url);
    assert.equal(await askReadiness(new URL(url), 5000), { isReady: true, why: 'ready' });
    assert.equal(await askReadiness(new URL(`${url}/healthz`), 5000), { isReady: true, why: 'ok' });
    counts.connected = 0;
    assert.equal(await askReadiness(new URL(url), 5000), { isReady: false, why: 'connecting' });
    assert.is((await askReadiness(new URL(`${url}/elsewhere`), 5000)).isReady, false);
  });
  assert.equal(await askReadiness(gone, 5000), { isReady: false, why: 'connection refused' });
});

async function page(url: string): Promise<[status: number, text: string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

test.run();
