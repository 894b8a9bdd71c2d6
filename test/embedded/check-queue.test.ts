// Checks the statuses of mq admin check queue that mean "could not tell", with recorded answers of RabbitMQ.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';

const quorum = { vhost: '/', name: 'jobs', type: 'quorum', durable: true };

test('a queue without a leader is status 69, not an empty queue', () =>
  withAnswer(200, { ...quorum, state: 'minority', messages_ready: 0, messages_unacknowledged: 0 }, async (check) => {
    const { status, stderr } = await check();
    assert.is(status, 69);
    assert.match(stderr, /^mq admin: the counts of the queue 'jobs' are not known: its state is minority /);
  }));

test('a new queue whose messages are not counted yet is status 69', () =>
  withAnswer(200, { ...quorum, state: 'running' }, async (check) => {
    assert.is((await check()).status, 69);
  }));

test('a vhost that does not exist is status 78', () =>
  withAnswer(404, { error: 'Object Not Found', reason: 'Not Found' }, async (check) => {
    // The server answers 404 for the vhost, too.
    const { status, stderr } = await check();
    assert.is(status, 78);
    assert.match(stderr, /^mq admin: there is no vhost '\/' \[TOPOLOGY\]/);
  }));

test('counts of the API without AMQP are compared with a note', () =>
  withAnswer(
    200,
    { ...quorum, state: 'running', messages_ready: 2, messages_unacknowledged: 1, consumers: 1 },
    async (check) => {
      const { status, stdout, stderr } = await check();
      assert.equal(
        [status, stdout],
        [1, 'failed: queue jobs in vhost /: 2 ready (max 1), 1 unacknowledged, 1 consumer\n'],
      );
      assert.match(stderr, /may be up to 5 s old, because they could not be read over AMQP/);
    },
  ));

/** Runs `use` with a management API that sends the same answer to all requests. */
async function withAnswer(
  status: number,
  answer: object,
  use: (check: () => ReturnType<typeof runCli>) => Promise<void>,
): Promise<void> {
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  // A server on TCP has the address of an AddressInfo.
  const { port } = server.address() as AddressInfo;
  try {
    const api = ['--management-url', `http://127.0.0.1:${port}`];
    await use(() => runCli(['admin', 'check', 'queue', 'jobs', '--max-ready', '1', ...api], {}));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test.run();
