// Tests that mq wait ends when a broker accepts AMQP connections, and at an error that waiting does not resolve.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import { mq, startMq } from '../support/mq.ts';
import { assertRefused } from '../support/refusal.ts';

const password = 'a-password-of-the-test';

test('mq wait waits for a broker that starts later', async () => {
  const [port] = await freePorts(1, '127.0.0.1');
  const waiting = startMq(['wait', '--json', '--url', `amqp://team:${password}@127.0.0.1:${port}`]);
  // The broker starts after the first attempt has failed.
  await waiting.prints(/not yet: no broker answers/, 'stderr');
  const broker = startMq(['broker', '--port', String(port), '--user', 'team'], {
    env: { MQ_BROKER_PASSWORD: password },
  });
  const { status, stdout } = await waiting.ended;
  assert.is(status, 0);
  assert.is(JSON.parse(stdout).state, 'ready');
  assert.is((await broker.stop()).status, 0);
});

test('a wrong password and a missing vhost end mq wait at once', async () => {
  const broker = startMq(['broker', '--port', '0', '--user', 'team', '--json'], {
    env: { MQ_BROKER_PASSWORD: password },
  });
  const { url } = JSON.parse(await broker.prints(/\n/)) as { url: string };
  const { host } = new URL(url);
  const wrong = await mq(['wait', '--url', `amqp://team:wrong-password@${host}`]);
  assertRefused(wrong, { exit: 77, line: /refused the user or the password/, hint: /check the user/ });
  assert.not.match(wrong.stderr, 'wrong-password');
  const elsewhere = await mq(['wait', '--url', `amqp://team:${password}@${host}/nowhere`]);
  assertRefused(elsewhere, { exit: 78, line: /vhost 'nowhere' does not exist/, hint: /create it/ });
  assert.is((await broker.stop()).status, 0);
});

test('mq wait does not accept a port that is silent or closes connections', async () => {
  for (const isClosing of [false, true]) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      if (isClosing) socket.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const result = await mq(['wait', '--timeout', '1', '--url', `amqp://127.0.0.1:${port}`]);
    assert.is(result.status, 69, result.stderr);
    assert.match(
      result.stderr,
      /^mq wait: no broker accepted a connection within 1 s: .+ \[UNAVAILABLE\]\nhint: .*15672/m,
    );
    server.close();
  }
});

test.run();
