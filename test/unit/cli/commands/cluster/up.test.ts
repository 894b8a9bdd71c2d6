// Tests mq cluster up --apply with a cluster that does not answer in time.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { applyConfig } from '../../../../../src/cli/commands/cluster/up.ts';
import type { Config } from '../../../../../src/config/config.ts';
import { MqError } from '../../../../../src/errors.ts';

test('removes the cluster if its topology is not declared in time', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  let isDown = false;
  try {
    const cluster = {
      urls: [],
      managementUrls: [`http://guest:guest@127.0.0.1:${(silent.address() as AddressInfo).port}`],
      down: async () => {
        isDown = true;
      },
    };
    const config = { vhosts: { lab: {} } } as unknown as Config;
    const error = await applyConfig(cluster, config, { withinMs: 1 }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof MqError, String(error));
    assert.equal([error.code, isDown], ['UNAVAILABLE', true]);
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});

test.run();
