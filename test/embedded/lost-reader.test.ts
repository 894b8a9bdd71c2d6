// mq peek ends with an error if its connection is lost before it has opened the queue.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { Place } from '../support/embedded.ts';

test('mq peek ends when the connection is lost while it reads the limit', async () => {
  await Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    const proxy = await startCuttingProxy(place.broker.port);
    // The broker cannot be reached again when the management API has answered.
    const api = createServer((_, response) => {
      proxy.refuse();
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ arguments: {}, effective_policy_definition: {} }));
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    const { port } = api.address() as AddressInfo;
    try {
      const management = ['--management-url', `http://guest:guest@127.0.0.1:${port}`];
      const { status, stderr } = await runCli(['peek', 'q', '--url', proxy.url, ...management]);
      assert.is(status, 69, stderr);
      assert.match(stderr, /^mq peek: the connection to the broker was lost/m);
    } finally {
      api.close();
      api.closeAllConnections();
      proxy.close();
    }
  });
});

test.run();
