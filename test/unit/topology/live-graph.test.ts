// Tests the comparison of a graph with the topology of a broker.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type GraphEdge, graphOf } from '../../../src/topology/graph.ts';
import { liveGraph } from '../../../src/topology/live-graph.ts';
import type { Topology, TopologyBinding, TopologyQueue } from '../../../src/topology/topology.ts';
import { configOf } from '../config/fixture.ts';

const base = { durable: true, autoDelete: false, arguments: {} };
const exchange = (name: string, type = 'topic') => ({ ...base, name, type, internal: false });
const queue = (name: string, more: Partial<TopologyQueue> = {}): TopologyQueue => {
  return { ...base, name, type: 'classic', exclusive: false, ...more };
};
const bound = (source: string, destination: string, key: string): TopologyBinding => {
  return { source, destination, destinationType: 'queue', key, arguments: {} };
};
const config = configOf({
  vhosts: {
    '/': {
      namespace: 'ns',
      exchanges: ['e', 'gone'],
      queues: { a: { options: { deadLetterExchange: 'ns:e' } }, b: {}, feed: { replyTo: true } },
      bindings: ['e[k] -> a', 'e[old] -> a', 'gone -> b', 'e -> feed'],
    },
  },
  subscriptions: { a: { queue: 'a' } },
});

function drawn(topology: Partial<Topology>, hidden: readonly string[] = []) {
  const all = { exchanges: [], queues: [], bindings: [], policies: [], ...topology };
  const { nodes, edges } = liveGraph(graphOf(config, '/'), all, new Set(hidden));
  return {
    nodes: nodes.map(({ id, state = 'ok' }) => `${id} ${state}`),
    edges: edges.map(({ kind, from, to, keys, state = 'ok' }) => `${kind} ${from} > ${to} ${keys.join()} ${state}`),
    counts: new Map(nodes.map(({ id, counts, members }) => [id, { ...counts, members }])),
  };
}

test('marks what is missing and what only the broker has', () => {
  const { nodes, edges } = drawn(
    {
      exchanges: [exchange('ns:e'), exchange('e', 'fanout'), exchange('amq.topic'), exchange('amq.direct')],
      queues: [queue('ns:a'), queue('ns:b'), queue('other'), queue('ns:a.retry.1')],
      bindings: [
        ...[bound('ns:e', 'ns:a', 'k'), bound('ns:e', 'ns:a', 'new'), bound('e', 'other', 'x')],
        ...[bound('amq.topic', 'other', 'y'), bound('ns:e', 'ns:a.retry.1', 'z')],
      ],
    },
    ['ns:a.retry.1'],
  );
  assert.equal(nodes, [
    ...['exchange e ok', 'exchange gone missing', 'queue a ok', 'queue b ok', 'queue feed ok', 'queue a.dead missing'],
    ...['subscription a ok', 'exchange e (foreign) foreign', 'exchange amq.topic foreign', 'queue other foreign'],
  ]);
  assert.equal(
    edges.filter((line) => line.startsWith('bind')),
    [
      'bind exchange e > queue a k ok',
      'bind exchange e > queue a old missing',
      'bind exchange gone > queue b # missing',
      'bind exchange e > queue feed # ok',
      'bind exchange e > queue a new foreign',
      'bind exchange e (foreign) > queue other  foreign',
      'bind exchange amq.topic > queue other y foreign',
    ],
  );
});

test('sums the queues of all consumers, and shows the counts of each queue', () => {
  const counts = { messages: 2, consumers: 1, publishRate: 1.5 };
  const { counts: found, nodes } = drawn({
    queues: [queue('ns:feed:1', { counts }), queue('ns:feed:2', { counts }), queue('ns:a', { counts })],
  });
  assert.equal(found.get('queue feed'), { messages: 4, consumers: 2, publishRate: 3, members: 2 });
  assert.equal(found.get('queue a'), { ...counts, members: undefined });
  assert.ok(!nodes.some((line) => line.includes('foreign')));
});

test('alternate exchanges and dead letters also come from policies', () => {
  const policies = [
    { name: 'p', pattern: '', applyTo: 'all', priority: 0, definition: { 'alternate-exchange': 'x' } },
    { name: 'q', pattern: '', applyTo: 'all', priority: 0, definition: { 'dead-letter-exchange': '' } },
  ];
  const { edges } = drawn({
    policies,
    exchanges: [{ ...exchange('ns:e'), policy: 'p' }, exchange('x', 'fanout')],
    queues: [queue('ns:b', { policy: 'q' }), queue('ns:a', { arguments: { 'x-dead-letter-exchange': 'ns:e' } })],
  });
  const found = (kind: string) => edges.filter((line) => line.startsWith(kind));
  assert.equal(found('alternate'), ['alternate exchange e > exchange x  foreign']);
  assert.equal(found('dead-letter'), [
    // mq publishes the failed messages of a role, so the broker does not know this target.
    'dead-letter queue a > queue a.dead  ok',
    'dead-letter queue a > exchange e  ok',
    'dead-letter queue b > queue b  foreign',
  ]);
});

test('shows the arguments of bindings to a headers exchange', () => {
  const options = { 'x-match': 'any', size: 2, colour: 'red' };
  const file = configOf({
    vhosts: {
      '/': {
        exchanges: { h: { type: 'headers' } },
        queues: ['a', 'b'],
        bindings: { one: { source: 'h', destination: 'a', options }, two: { source: 'h', destination: 'b' } },
      },
    },
  });
  const graph = graphOf(file, '/');
  const lines = (edges: readonly GraphEdge[]) =>
    edges.map(({ to, keys, state = 'ok' }) => `${to} ${keys.join()} ${state}`);
  assert.equal(lines(graph.edges), ['queue a colour=red;size=2;x-match=any ok', 'queue b (any headers) ok']);
  const topology = {
    ...{ exchanges: [exchange('h', 'headers')], queues: [queue('a'), queue('b')], policies: [] },
    bindings: [bound('h', 'a', ''), bound('h', 'b', '')].map((one, at) =>
      at === 0 ? { ...one, arguments: options } : one,
    ),
  };
  assert.equal(lines(liveGraph(graph, topology, new Set()).edges), lines(graph.edges));
});

test.run();
