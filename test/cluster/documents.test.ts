// Runs the command blocks of README.md and of the documentation that need RabbitMQ nodes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandBlocks, needsCluster, runBlock } from '../support/documents.ts';
import { mq } from '../support/mq.ts';
import { testVhost } from '../support/vhost.ts';

const blocks = commandBlocks().filter(needsCluster);

for (const block of blocks) {
  test(`${block.place}, ${block.heading}: ${block.steps[0]?.command}`, async () => {
    if (block.steps.some(({ command }) => /mq cluster up/.test(command)))
      return await withOwnCluster(() => runBlock(block, {}));
    const vhost = await testVhost();
    try {
      await runBlock(block, { MQ_URL: vhost.url, MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') });
    } finally {
      await vhost.remove();
    }
  });
}

test('finds the command blocks', () => {
  assert.is(blocks.length, 2);
});

/** Runs a block that starts its own cluster. Removes the cluster even if the block fails. */
async function withOwnCluster(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } finally {
    await mq(['cluster', 'down', '--name', 'demo']);
  }
}

test.run();
