// Checks in headless Chromium that Mermaid draws the flowcharts of mq graph with the right names, and writes pictures of the
// SVG of mq graph to dist/screenshots. MQ_GRAPH_SEED sets the seed.

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { printable } from '../../src/cli/topology/graph/drawn-vhost.ts';
import { mermaidOf } from '../../src/cli/topology/graph/mermaid.ts';
import { closeBrowser, picture, type Visit, visit } from '../support/browser.ts';
import { runCli } from '../support/cli.ts';
import { hostileGraph, hostileName } from '../support/hostile-names.ts';
import { emptyFolder } from '../support/mq.ts';
import { randomOf, seedOf } from '../support/random.ts';

const seed = seedOf('MQ_GRAPH_SEED');
const library = resolve(import.meta.dirname, '../../node_modules/mermaid/dist/mermaid.min.js');

test.after(closeBrowser);

test('Mermaid parses each flowchart, and draws each name', () =>
  withMermaid(async ({ page }) => {
    const random = randomOf(seed);
    for (let round = 0; round < 10; round += 1) {
      const graph = hostileGraph(random, 10);
      const text = mermaidOf([{ vhost: hostileName(random), against: 'x', graph }]);
      const drawn = (await page.evaluate(`namesOf(${JSON.stringify(text)})`)) as Record<string, string>;
      assert.equal(
        graph.nodes.map((_, at) => drawn[`v0n${at}`]),
        graph.nodes.map(({ name }) => printable(name).replace(/\s+/g, ' ').trim()),
        `seed ${seed}\n${text}`,
      );
    }
  }));

test('Mermaid refuses a flowchart with a name that is not escaped', () =>
  withMermaid(async ({ page }) => {
    const refused = page.evaluate(`namesOf('flowchart LR;v0n0["a"b"]')`);
    assert.match(await refused.then(String, String), /Parse error/);
  }));

for (const scheme of ['light', 'dark'] as const) {
  test(`mq graph draws an SVG without faults, ${scheme}`, async () => {
    const { stdout } = await runCli(['graph', '--format', 'svg'], { cwd: emptyFolder() });
    const opened = await visit(`data:text/html,<!doctype html>${encodeURIComponent(stdout)}`, { waits: false, scheme });
    assert.is(await opened.page.locator('g.node').count(), 24);
    await picture(opened.page, `graph-${scheme}`);
    assert.equal(await opened.faults(), []);
    await opened.close();
  });
}

/** Opens an empty page with Mermaid and a function that returns the first line of each node by its id. */
async function withMermaid(use: (opened: Visit) => Promise<void>): Promise<void> {
  const opened = await visit('data:text/html,<!doctype html><body></body>', { waits: false });
  await opened.page.addScriptTag({ path: library });
  await opened.page.evaluate(`
    mermaid.initialize({ startOnLoad: false });
    let count = 0;
    window.namesOf = async (text) => {
      await mermaid.parse(text);
      const { svg } = await mermaid.render('g' + count++, text);
      const place = document.createElement('div');
      place.innerHTML = svg;
      return Object.fromEntries([...place.querySelectorAll('g.node')].map((node) => {
        const [, id] = /flowchart-(v\\d+n\\d+)-/.exec(node.id);
        const label = node.querySelector('.nodeLabel');
        for (const line of label.querySelectorAll('br')) line.replaceWith('\\n');
        return [id, label.textContent.split('\\n')[0].replace(/\\s+/g, ' ').replaceAll('\\u200b', '').trim()];
      }));
    };`);
  await use(opened);
  await opened.close();
}

test.run();
