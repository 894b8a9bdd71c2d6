// Tests the short-lived connection that reads the depths of queues.

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBroker } from '../../../src/broker/server.ts';
import { MqError } from '../../../src/errors.ts';
import { openPeer } from '../../../src/session/peer.ts';

test('skips queues that do not exist, however many follow them', async () => {
  const broker = await startBroker({ port: 0 });
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  try {
    const peer = await openPeer([{ port: broker.port }], {
      connectionName: 'depths',
      timeoutMs: 5_000,
    });
    const own = await peer.ownQueue();
    assert.ok(own);
    const missing = Array.from({ length: 12 }, (_, number) => `missing-${number}`);
    const depths = await peer.depths([...missing, own]);
    assert.equal([...depths], [[own, { ready: 0, consumers: 0 }]]);
    await peer.close();
  } finally {
    process.off('warning', onWarning);
    await broker.close();
  }
  assert.equal(warnings, []);
});

for (const [signal, code] of [
  ['SIGINT', 'INTERRUPTED'],
  ['SIGTERM', 'TERMINATED'],
] as const) {
  test(`${signal} ends the connecting to a broker that does not answer`, async () => {
    const accepted = Promise.withResolvers<Socket>();
    const silent = createServer(accepted.resolve);
    await new Promise<void>((resolve) => silent.listen(0, resolve));
    const { port } = silent.address() as AddressInfo;
    const stop = new AbortController();
    const opened = openPeer([{ port }, { port }], {
      connectionName: 'silent',
      timeoutMs: 60_000,
      signal: stop.signal,
    });
    const socket = await accepted.promise;
    stop.abort(signal);
    const error = await opened.catch((failure: unknown) => failure);
    assert.ok(error instanceof MqError);
    assert.is(error.code, code);
    // The server closes when its connections have ended.
    socket.resume().on('error', () => undefined);
    await new Promise((resolve) => silent.close(resolve));
  });
}

test.run();
