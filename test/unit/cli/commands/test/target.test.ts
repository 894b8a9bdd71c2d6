// Tests the removal of the containers of `mq test --on cluster`.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { closeCluster } from '../../../../../src/cli/commands/test/target.ts';

test('removes the cluster, and then what killed test files were starting', async () => {
  const calls: string[] = [];
  const cluster = { down: async () => void calls.push('down') };
  await closeCluster(cluster, async () => calls.push('sweep'));
  assert.equal(calls, ['down', 'sweep']);
});

test('also sweeps if the cluster cannot be removed, and reports why', async () => {
  let isSwept = false;
  const cluster = { down: () => Promise.reject(new Error('the engine is away')) };
  const sweep = async () => {
    isSwept = true;
    throw new Error('also away');
  };
  const failure = await closeCluster(cluster, sweep).catch((error: Error) => error.message);
  assert.equal([failure, isSwept], ['the engine is away', true]);
});

test.run();
