// Runs the commands in README.md and .github/docs. Each block runs on its own broker, with other ports. Also checks
// every rascal.json in these pages. test/unit/examples.test.ts compiles the TypeScript.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandBlocks, fences, folderOfReader, needsCluster, runBlock } from '../support/documents.ts';
import { mq, startMq } from '../support/mq.ts';

/** Commands that build, test or install mq. test/executable/install.test.ts tests these instead. */
const isOwn = /npm run|test\/setup|MQ_REPOSITORY|install\.sh|npx|docker/;

const blocks = commandBlocks().filter(
  (block) => !needsCluster(block) && !block.steps.some(({ command }) => isOwn.test(command)),
);

for (const block of blocks) {
  const { heading, place, steps } = block;
  test(`${place}, ${heading}: ${steps[0]?.command}`, async () => {
    const own = steps.some(({ command }) => /^mq broker/.test(command));
    if (own) return await runBlock(block, {});
    await withBroker((env) => runBlock(block, env));
  });
}

test('every rascal.json of the pages is valid', async () => {
  for (const { place, text } of jsonBlocks()) {
    const isWhole = text.startsWith('{');
    const value = JSON.parse(isWhole ? text : `{${text}}`) as object;
    if (!isWhole || !('vhosts' in value)) continue;
    const cwd = folderOfReader();
    writeFileSync(join(cwd, 'rascal.json'), text);
    // The page shows the schema that its rascal.json names.
    const page = place.replace(/:\d+$/, '');
    const schema = jsonBlocks().find(
      (block) => block.place.startsWith(page) && block.text.includes('"$schema": "https://'),
    );
    mkdirSync(join(cwd, 'schemas'));
    if (schema) writeFileSync(join(cwd, 'schemas', 'order.json'), schema.text);
    const { status, stderr } = await mq(['check'], { cwd });
    assert.is(status, 0, `${place}: ${stderr}`);
  }
});

test('the Python program of the pages handles messages', async () => {
  for (const { place, lines } of fences().filter(({ language }) => language === 'python')) {
    const cwd = folderOfReader();
    writeFileSync(join(cwd, 'work.py'), lines.join('\n'));
    await withBroker(async (env) => {
      for (const args of [
        ['task', 'one'],
        ['worker', '--until-empty', '--on-fail', 'exit', '--exec-lines', 'python3', 'work.py'],
      ]) {
        const { status, stderr } = await mq(args, { cwd, env });
        assert.is(status, 0, `${place}: ${stderr}`);
      }
    });
  }
});

test('the pages have only known kinds of blocks, and some of each', () => {
  assert.ok(blocks.length > 15);
  const kinds = new Set(fences().map(({ language }) => language));
  assert.equal([...kinds].toSorted(), ['', 'console', 'ini', 'json', 'python', 'sh', 'ts', 'yaml']);
});

function jsonBlocks(): { place: string; text: string }[] {
  const found = fences().filter(({ language }) => language === 'json');
  return found.map(({ place, lines }) => ({ place, text: lines.join('\n') }));
}

async function withBroker(use: (env: Readonly<Record<string, string>>) => Promise<void>): Promise<void> {
  const broker = startMq(['broker', '--port', '0', '--management-port', '0', '--json']);
  try {
    const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
    await use({ MQ_URL: url, MQ_MANAGEMENT_URL: management });
  } finally {
    await broker.stop();
  }
}

test.run();
