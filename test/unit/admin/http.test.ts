// Requests to the management API on connections that the server closes.

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { locateManagement } from '../../../src/admin/address.ts';
import { Management } from '../../../src/admin/client.ts';
import { redactor } from '../../../src/config/redact.ts';

/** Runs `use` with a client of a server. */
async function withServer(
  answer: RequestListener,
  use: (api: Management) => Promise<void>,
  user = 'guest:guest',
): Promise<void> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { addresses } = locateManagement({
    option: `http://${user}@127.0.0.1:${port}`,
    variable: undefined,
    connections: [],
  });
  const api = new Management({ addresses });
  try {
    await use(api);
  } finally {
    api.close();
    server.close();
  }
}

/** Answers the first request of each connection, and closes the connection at the second one. */
function closing(): RequestListener {
  const used = new WeakSet();
  return ({ socket }, response) => {
    if (used.has(socket)) return void socket.destroy();
    used.add(socket);
    response.end('[]');
  };
}

test('a read is sent again if the server closes a connection that was idle', () =>
  withServer(closing(), async (api) => {
    for (let count = 0; count < 3; count += 1) assert.equal(await api.request('GET', '/queues'), []);
  }));

test('an error shows no form of the login that a server repeats', () => {
  const user = 'ops';
  const password = 'canary-77pw';
  const header = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return withServer(
    ({ headers }, response) => {
      assert.is(headers.authorization, header);
      const reason = `${header}, ${user}:${password}, ${encodeURIComponent(password)}`;
      response.writeHead(403).end(JSON.stringify({ error: 'x', reason }));
    },
    async (api) => {
      const message = await api.request('GET', '/overview').catch((failure: Error) => failure.message);
      const text = redactor([])(String(message));
      assert.match(text, 'GET /api/overview: Basic ***');
      assert.not.match(text, 'canary');
      assert.not.match(text, header.slice('Basic '.length));
    },
    `${user}:${password}`,
  );
});

test('a change is not sent again', () =>
  withServer(closing(), async (api) => {
    await api.request('GET', '/queues');
    const code = await api.request('DELETE', '/queues/q').catch((error: { code: string }) => error.code);
    assert.is(code, 'IN_DOUBT');
  }));

test('a read on a new connection that the server closes fails', () =>
  withServer(
    ({ socket }) => void socket.destroy(),
    async (api) => {
      const code = await api.request('GET', '/queues').catch((error: { code: string }) => error.code);
      assert.is(code, 'UNAVAILABLE');
    },
  ));

test.run();
