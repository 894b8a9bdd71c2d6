// The blocks of commands of README.md and of the pages that need RabbitMQ nodes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandBlocks, needsCluster, runBlock } from '../support/documents.ts';
import { mq } from '../support/mq.ts';
import { testVhost } from '../support/vhost.ts';

const blocks = commandBlocks().filter(needsCluster);

for (const block of blocks) {
  test(`${block.place}, ${block.heading}: ${block.steps[0]?.command}`, async () => {
    if (block.steps.some(({ command }) => /mq cluster up/.test(command)))
      return await ofItsOwn(() => runBlock(block, {}));
    const vhost = await testVhost();
    try {
      await runBlock(block, { MQ_URL: vhost.url, MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') });
    } finally {
      await vhost.remove();
    }
  });
}

test('there are blocks', () => {
  assert.is(blocks.length, 2);
});

/** What a block leaves when it fails is removed all the same. */
async function ofItsOwn(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } finally {
    await mq(['cluster', 'down', '--name', 'demo']);
  }
}

test.run();
