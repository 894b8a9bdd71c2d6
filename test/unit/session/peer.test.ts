// Tests the short-lived connection that reads the depths of queues.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBroker } from '../../../src/broker/server.ts';
import '../../../src/session/patches/sockets.ts';
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

test.run();
