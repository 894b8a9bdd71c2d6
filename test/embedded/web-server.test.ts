// Tests mq web without a browser: access, headers, limits, and shutdown.

import { request } from 'node:http';
import { createServer as createSecureServer } from 'node:https';

import { type AddressInfo, createServer, type Server } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket, WebSocketServer } from 'ws';
import { certificate } from '../support/certificate.ts';
import { type MqOptions, mq, type RunningMq, startMq } from '../support/mq.ts';

const left = new Set<RunningMq>();
test.after.each(async () => {
  for (const running of left) running.kill('SIGKILL');
  await Promise.allSettled([...left].map(({ ended }) => ended));
  left.clear();
});

function start(args: readonly string[], options: MqOptions = {}): RunningMq {
  const running = startMq(args, options);
  left.add(running);
  return running;
}

async function startBroker(): Promise<string> {
  const broker = start(['broker', '--port', '0', '--json']);
  return (JSON.parse(await broker.prints(/\n/)) as { url: string }).url;
}

interface Served {
  readonly url: string;
  readonly web: RunningMq;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>, method?: string) => Promise<PageResponse>;
}

interface PageResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

async function serve(args: readonly string[] = [], options: MqOptions = {}): Promise<Served> {
  // A service on port 15674 must not be used.
  const bridge = ['--stomp', 'bridge'];
  const web = start(['web', '--port', '0', '--json', '--url', await startBroker(), ...bridge, ...args], options);
  const { url } = JSON.parse(await web.prints(/\n/)) as { url: string };
  const get: Served['get'] = (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const asked = request({ hostname, port, path, method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      });
      asked.on('error', reject);
      asked.end();
    });
  return { url, web, get };
}

async function open(url: string, headers: Readonly<Record<string, string>>): Promise<WebSocket> {
  const opened = await upgrade(url, headers);
  if (typeof opened === 'number') throw new Error(`refused: ${opened}`);
  return opened;
}

/** Returns a WebSocket, or the status of its refusal. */
function upgrade(url: string, headers: Readonly<Record<string, string>>, path = '/stomp'): Promise<WebSocket | number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, ['v12.stomp'], { headers });
    socket.on('open', () => resolve(socket));
    socket.on('error', () => undefined);
    socket.on('unexpected-response', (_, { statusCode = 0 }) => {
      socket.terminate();
      resolve(statusCode);
    });
  });
}

test('every response has the Content-Security-Policy and related headers', async () => {
  const { get } = await serve();
  const answers = await Promise.all(
    [
      '/',
      '/page.js',
      '/page.css',
      '/icon.svg',
      '/api/catalog',
      '/api/depths',
      '/nosuch',
      '/../rascal.json',
      '/%2e%2e/',
    ].map((path) => get(path)),
  );
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200, 200, 200, 200, 404, 404, 404],
  );
  for (const { headers } of answers) {
    const policy = String(headers['content-security-policy']);
    assert.ok(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self'; "), policy);
    assert.match(policy, /frame-ancestors 'none'; require-trusted-types-for 'script'/);
    assert.not.match(policy, /unsafe|data:|\*/);
    assert.is(headers['x-content-type-options'], 'nosniff');
    assert.is(headers['cache-control'], 'no-store');
    assert.is(headers['access-control-allow-origin'], undefined);
  }
  const [page] = answers as [PageResponse];
  assert.not.match(page.text, /<script(?![^>]* src="\/page\.js")|<style|style="|\son\w+=|https?:/);
  assert.is((await get('/', {}, 'POST')).status, 405);
  assert.is((await get('/', {}, 'HEAD')).text, '');
});

test('refuses an unknown host name (DNS rebinding) unless it is allowed', async () => {
  const { get, url } = await serve(['--allow-host', 'web.example']);
  const { port } = new URL(url);
  for (const path of ['/', '/api/catalog', '/page.js']) {
    assert.is((await get(path, { host: `evil.example:${port}` })).status, 421, path);
    assert.is((await get(path, { host: `web.example:${port}` })).status, 200, path);
    assert.is((await get(path, { host: `localhost:${port}` })).status, 200, path);
  }
  assert.is(await upgrade(url, { host: `evil.example:${port}`, origin: `http://evil.example:${port}` }), 421);
});

test('opens a WebSocket only for the page', async () => {
  const { url } = await serve();
  assert.is(await upgrade(url, { origin: 'http://evil.example' }), 403);
  assert.is(await upgrade(url, { origin: 'null' }), 403);
  assert.is(await upgrade(url, {}), 403);
  assert.is(await upgrade(url, { origin: url }, '/other'), 404);
  (await open(url, { origin: url })).terminate();
});

test('accepts a publish only from the page, and only as JSON', async () => {
  const { url } = await serve();
  const post = async (body: string, headers: Readonly<Record<string, string>> = {}) => {
    const all = { origin: url, 'content-type': 'application/json', ...headers };
    const response = await fetch(`${url}/api/publish`, { method: 'POST', body, headers: all });
    return [response.status, response.ok ? ((await response.json()) as { outcome: string }).outcome : ''];
  };
  const message = { exchange: '', routingKey: 'nobody', text: 'hi' };
  assert.equal(await post(JSON.stringify(message)), [200, 'unroutable']);
  assert.equal(await post(JSON.stringify({ ...message, exchange: 'amq.fanout' })), [200, 'unroutable']);
  assert.equal(await post(JSON.stringify({ ...message, exchange: 'nosuch' })), [200, 'refused']);
  assert.equal(await post(JSON.stringify(message), { origin: 'http://evil.example' }), [403, '']);
  assert.equal(await post(JSON.stringify(message), { origin: 'null' }), [403, '']);
  assert.equal(await post(JSON.stringify(message), { 'content-type': 'text/plain' }), [415, '']);
  assert.equal(await post('x'.repeat(1024 * 1024 + 1)), [413, '']);
  for (const wrong of ['', '[]', '{"exchange":""}', JSON.stringify({ ...message, headers: { deep: {} } })])
    assert.equal(await post(wrong), [400, ''], wrong);
});

test('closes a page after a too large message, and limits the number of pages', async () => {
  const { url } = await serve();
  const socket = await open(url, { origin: url });
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.send(Buffer.alloc(2_000_000));
  assert.is(await closed, 1009);
  const pages = await Promise.all(Array.from({ length: 40 }, () => upgrade(url, { origin: url })));
  assert.is(pages.filter((one) => one === 503).length, 8);
  for (const page of pages) if (typeof page !== 'number') page.terminate();
});

test('requires a password on an address that is not loopback', async () => {
  const refused = await mq(['web', '--host', '0.0.0.0', '--port', '0']);
  assert.is(refused.status, 64);
  assert.match(
    refused.stderr,
    /refusing to listen on 0\.0\.0\.0 without a password.*\[USAGE\]\nhint: set MQ_WEB_PASSWORD/,
  );
  const { url, get } = await serve(['--host', '0.0.0.0'], { env: { MQ_WEB_PASSWORD: 's3cret-of-the-page' } });
  assert.is((await get('/')).status, 401);
  assert.is((await get('/api/catalog')).status, 401);
  const authorization = `Basic ${Buffer.from('me:s3cret-of-the-page').toString('base64')}`;
  const { status, headers } = await get('/', { authorization });
  assert.is(status, 200);
  const [cookie = ''] = String(headers['set-cookie']).split(';');
  assert.is((await get('/api/catalog', { cookie })).status, 200);
  assert.is(await upgrade(url, { origin: url }), 401);
  const socket = await open(url, { origin: url, cookie });
  socket.terminate();
});

test('an open page does not delay the shutdown', async () => {
  const { url, web } = await serve();
  const socket = await open(url, { origin: url });
  socket.send('CONNECT\naccept-version:1.2\n\n\0');
  await new Promise((resolve) => socket.once('message', resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const { status, stderr } = await web.stop();
  assert.equal([status, stderr], [0, '']);
  await closed;
});

test('verifies a wss plugin by --ca unless --insecure is set', async () => {
  const { key, cert, file } = certificate();
  const plugin = createSecureServer({ key, cert });
  new WebSocketServer({ server: plugin }).on('connection', (socket) => {
    socket.on('message', () => socket.send('CONNECTED\nversion:1.2\n\n\0'));
  });
  await new Promise<void>((resolve) => plugin.listen(0, '127.0.0.1', resolve));
  try {
    const stomp = `wss://127.0.0.1:${(plugin.address() as AddressInfo).port}/ws`;
    const args = ['web', '--port', '0', '--json', '--url', await startBroker(), '--stomp', stomp];
    const refused = await mq(args);
    assert.is(refused.status, 69, refused.stderr);
    const { code, hint } = JSON.parse(refused.stderr) as { code: string; hint: string };
    assert.is(code, 'UNAVAILABLE');
    assert.match(hint, '--ca FILE');
    for (const more of [['--ca', file], ['--insecure']]) {
      const web = start([...args, ...more]);
      const ready = JSON.parse(await web.prints(/\n/)) as { url: string; stomp: string };
      assert.is(ready.stomp, stomp);
      const page = await open(ready.url, { origin: ready.url });
      const answer = new Promise((resolve) => page.once('message', resolve));
      page.send('CONNECT\naccept-version:1.2\n\n\0');
      assert.match(String(await answer), /^CONNECTED/);
      await web.stop();
    }
  } finally {
    plugin.closeAllConnections();
    plugin.close();
  }
});

test('refuses wrong options, a taken port, a missing broker or plugin', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  try {
    await expectRefusals(taken);
  } finally {
    taken.close();
  }
});

async function expectRefusals(taken: Server): Promise<void> {
  const { port } = taken.address() as { port: number };
  const url = await startBroker();
  for (const [args, status, says] of [
    [['--url', 'amqp://127.0.0.1:1'], 69, /no broker answers at 127\.0\.0\.1:1/],
    [
      ['--url', url, '--port', String(port)],
      71,
      /cannot listen on 127\.0\.0\.1:\d+: the port is already in use.*\nhint: --port/,
    ],
    [
      ['--url', url, '--stomp', 'ws://127.0.0.1:1/ws'],
      69,
      /no Web STOMP plugin answers: ws:\/\/127\.0\.0\.1:1\/ws.*\nhint: rabbitmq-plugins enable/,
    ],
    [['--url', url, '--stomp', 'http://x'], 64, /--stomp must be auto, bridge, or addresses/],
    [['--url', url, '--stomp', 'ws://me:hidden@x/ws'], 64, /without a user/],
    [['--url', url, '--management-url', 'ftp://x'], 64, /--management-url: not a URL: it does not begin with http/],
    [['--url', url, '--vhost', 'nosuch'], 64, /no vhost 'nosuch'; its vhosts are \//],
    [['--port', '70000'], 64, /--port/],
    [['extra'], 64, /unexpected argument 'extra'/],
  ] as const) {
    const run = await mq(['web', ...args]);
    assert.is(run.status, status, run.stderr);
    assert.match(run.stderr, says);
    assert.not.match(run.stderr, /hidden/);
    assert.is(run.stdout, '');
  }
}

test.run();
