// Checks that other programs read the dot and SVG of hostile names as these names. test/embedded/graph-pictures.test.ts checks
// Mermaid, which needs a browser. MQ_GRAPH_SEED sets the seed.

import { Graphviz } from '@hpcc-js/wasm-graphviz';
import { SaxesParser } from 'saxes';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dotOf } from '../../../../src/cli/topology/graph/dot.ts';
import { printable } from '../../../../src/cli/topology/graph/drawn-vhost.ts';
import { svgOf } from '../../../../src/cli/topology/graph/svg.ts';
import { textOf } from '../../../../src/cli/topology/graph/text.ts';
import type { GraphEdge, GraphNode } from '../../../../src/topology/graph.ts';
import { hostileGraph, hostileName } from '../../../support/hostile-names.ts';
import { randomOf, seedOf } from '../../../support/random.ts';

const seed = seedOf('MQ_GRAPH_SEED');
const rounds = 40;

/** Returns the text of each element of the document, and the names of the elements around it. */
function textsOf(xml: string): { path: string; text: string }[] {
  const found: { path: string; text: string }[] = [];
  const open: string[] = [];
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    open.push(`${name}.${attributes['class'] ?? ''}`);
    found.push({ path: open.join(' '), text: '' });
  });
  parser.on('text', (text) => {
    const last = found.at(-1);
    if (last !== undefined && last.path === open.join(' ')) last.text += text;
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.on('error', (error) => {
    throw new Error(`seed ${seed}: ${error.message}`);
  });
  parser.write(xml).close();
  return found;
}

test('Graphviz draws each name of the dot', async () => {
  const random = randomOf(seed);
  const graphviz = await Graphviz.load();
  for (let round = 0; round < rounds; round += 1) {
    const vhost = hostileName(random);
    const graph = hostileGraph(random, 8);
    const dot = dotOf([{ vhost, against: 'x', graph }]);
    const texts = textsOf(graphviz.layout(dot, 'svg', 'dot')).filter(({ path }) =>
      / g\.node (title|text)\.$/.test(path),
    );
    // Graphviz writes the nodes in an order of its own: the id, the name, and further lines.
    const names = new Map<string, string>();
    for (const [at, { path, text }] of texts.entries())
      if (path.endsWith('title.')) names.set(text, texts[at + 1]?.text ?? '');
    assert.equal(
      graph.nodes.map((_, at) => names.get(`v0n${at}`)?.replaceAll('\u00a0', ' ')),
      graph.nodes.map(({ name }) => printable(name).replaceAll('\u00a0', ' ')),
      `seed ${seed}`,
    );
  }
  assert.throws(() => graphviz.layout('digraph { n0 [label="a] }', 'svg', 'dot'));
});

test('an XML parser reads each name of the SVG', () => {
  const random = randomOf(seed);
  for (let round = 0; round < rounds; round += 1) {
    const graph = hostileGraph(random, 8);
    const svg = svgOf([{ vhost: hostileName(random), against: 'x', graph }]);
    const titles = textsOf(svg).flatMap(({ path, text }) => (path.endsWith('title.') ? [text] : []));
    const places = graph.nodes.map(({ kind, name }) => `${kind} ${printable(name)}`);
    for (const place of places)
      assert.ok(
        titles.some((title) => title.startsWith(place)),
        `seed ${seed}: ${place}`,
      );
  }
});

test('shapes of the SVG have colours without CSS, and names are clipped', () => {
  const svg = svgOf([{ vhost: 'v', against: 'x', graph: hostileGraph(randomOf(seed), 8) }]);
  let count = 0;
  const open: string[] = [];
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    open.push(name);
    if (!['rect', 'path', 'text'].includes(name)) return;
    assert.match(String(attributes['fill']), /^(none|#[0-9a-f]{6})$/, `${open.join(' ')} ${seed}`);
    if (attributes['class'] === 'name') assert.is(open.at(-2), 'svg');
    count += 1;
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(svg).close();
  assert.ok(count > 8);
});

test('an edge to a group names the type of the group', () => {
  const group = (type: string): GraphNode => ({ id: type, kind: 'exchange', name: 'x*', type, members: 3 });
  const nodes: GraphNode[] = [{ id: 'p', kind: 'publication', name: 'p' }, group('topic'), group('fanout')];
  const edges = ['topic', 'fanout'].map((to): GraphEdge => ({ from: 'p', to, kind: 'publish', keys: [] }));
  const lines = textOf([{ vhost: 'v', against: 'x', graph: { nodes, edges } }], 100).split('\n');
  assert.equal(lines.slice(2, 5), ['publication p', '  -> exchange x* (topic)', '  -> exchange x* (fanout)']);
});

test('the text has one line for each object, without control characters', () => {
  const random = randomOf(seed);
  for (let round = 0; round < rounds; round += 1) {
    const { nodes } = hostileGraph(random, 8);
    const text = textOf([{ vhost: 'v', against: 'x', graph: { nodes, edges: [] } }], 10_000);
    assert.is(text.split('\n').length, nodes.length + 3, `seed ${seed}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the text must not contain them
    assert.not.match(text.replaceAll('\n', ''), /[\u0000-\u001f\u202e]/);
  }
});

test.run();
