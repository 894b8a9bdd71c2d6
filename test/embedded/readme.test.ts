// Every block of commands of the README is run as it stands, but for its ports, on a broker of its own.

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startMq } from '../support/mq.ts';
import { needsCluster, readmeBlocks, runBlock } from '../support/readme.ts';

/** What makes, tests or installs mq: this test's own command, and test/executable/install.test.ts. */
const isOwn = /npm run build|test\/setup|OWNER/;

const blocks = readmeBlocks().filter(
  (block) => !needsCluster(block) && !block.steps.some(({ command }) => isOwn.test(command)),
);

for (const block of blocks) {
  const { heading, line, steps } = block;
  test(`README.md:${line}, ${heading}: ${steps[0]?.command}`, async () => {
    const own = steps.some(({ command }) => /^mq broker/.test(command));
    if (own) return await runBlock(block, {});
    const broker = startMq(['broker', '--port', '0', '--management-port', '0', '--json']);
    try {
      const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
      await runBlock(block, { MQ_URL: url, MQ_MANAGEMENT_URL: management });
    } finally {
      await broker.stop();
    }
  });
}

test('there are blocks, and the README has no other kind of commands', () => {
  assert.ok(blocks.length > 5);
  const fences = readFileSync(new URL('../../README.md', import.meta.url), 'utf8').match(/^```\w+/gm) ?? [];
  assert.equal(
    [...new Set(fences)]
      .sort()
      .filter((fence) => !['```console', '```json', '```sh', '```ts', '```yaml'].includes(fence)),
    [],
  );
});

test.run();
