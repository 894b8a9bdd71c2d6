// Tests the neighbourhood of an object, and joining of objects with the same prefix.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph, GraphEdge, GraphNode } from '../../../src/topology/graph.ts';
import { collapsedGraph, focusedGraph } from '../../../src/topology/smaller-graph.ts';

const node = (kind: GraphNode['kind'], name: string, more: Partial<GraphNode> = {}): GraphNode => {
  return { id: `${kind} ${name}`, kind, name, ...more };
};
const bind = (from: string, to: string, ...keys: readonly string[]): GraphEdge => ({ from, to, kind: 'bind', keys });
const names = (graph: Graph | undefined) =>
  graph?.nodes.map(({ name, members }) => `${name}${members ? ` ${members}` : ''}`);

const chain: Graph = {
  nodes: [node('exchange', 'a'), node('exchange', 'b'), node('queue', 'c', { brokerName: 'ns:c' }), node('queue', 'd')],
  edges: [bind('exchange a', 'exchange b'), bind('exchange b', 'queue c')],
};

test('keeps what the depth reaches, in both directions', () => {
  assert.equal(names(focusedGraph(chain, 'b', 0)), ['b']);
  assert.equal(names(focusedGraph(chain, 'b', 1)), ['a', 'b', 'c']);
  assert.equal(names(focusedGraph(chain, 'ns:c', 1)), ['b', 'c']);
  assert.equal(focusedGraph(chain, 'ns:c', 1)?.edges.length, 1);
  assert.equal(names(focusedGraph(chain, 'c', 9)), ['a', 'b', 'c']);
  assert.is(focusedGraph(chain, 'x', 1), undefined);
});

test('a small graph stays as it is', () => {
  assert.is(collapsedGraph(chain), chain);
});

test('joins queues with the longest prefix that is short enough', () => {
  const queues = ['eu', 'us'].flatMap((place) =>
    Array.from({ length: 500 }, (_, at) =>
      node('queue', `jobs.${place}.${at}`, { type: 'quorum', counts: { messages: 2, consumers: at % 2 } }),
    ),
  );
  const edges = queues.map(({ id }, at) => bind('exchange e', id, `k${at % 7}`));
  const found = collapsedGraph({ nodes: [node('exchange', 'e'), ...queues], edges });
  assert.equal(names(found), ['e', 'jobs.eu.* 500', 'jobs.us.* 500']);
  assert.equal(found.nodes[1]?.counts, { messages: 1000, consumers: 250 });
  assert.equal(
    found.edges.map(({ to, keys }) => [found.nodes.findIndex(({ id }) => id === to), keys.length]),
    [
      [1, 7],
      [2, 7],
    ],
  );
});

test('does not join objects that differ in kind, state or use', () => {
  const many = (kind: GraphNode['kind'], more: Partial<GraphNode> = {}) =>
    Array.from({ length: 30 }, (_, at) =>
      node(kind, `a${at}`, { ...more, id: `${kind} ${JSON.stringify(more)} ${at}` }),
    );
  const nodes = [many('queue'), many('queue', { state: 'missing' }), many('queue', { isMade: true }), many('exchange')];
  const found = collapsedGraph({ nodes: [...nodes.flat(), node('queue', 'other')], edges: [] });
  assert.equal(names(found), ['a* 30', 'a* 30', 'a*.dead 30', 'a* 30', 'other']);
});

test('joins everything if no prefix is shared', () => {
  const nodes = Array.from({ length: 1000 }, (_, at) => node('queue', `${String.fromCharCode(0x4e00 + at)}.q`));
  assert.equal(names(collapsedGraph({ nodes, edges: [] })), ['* 1000']);
});

test.run();
