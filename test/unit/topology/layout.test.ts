import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Graph, graphOf } from '../../../src/topology/graph.ts';
import { layout } from '../../../src/topology/layout.ts';
import { withBuiltinOf as configOf, configOf as ownConfigOf } from '../config/fixture.ts';

/** Returns the names in each column, from top to bottom. */
function columns(graph: Graph): string[] {
  const { nodes } = layout(graph);
  const xs = [...new Set(nodes.map(({ x }) => x))].sort((one, other) => one - other);
  return xs.map((x) =>
    nodes
      .filter((node) => node.x === x)
      .sort((one, other) => one.y - other.y)
      .map(({ name }) => name)
      .join(' '),
  );
}

test('places publications, exchanges, queues and subscriptions in columns', () => {
  assert.equal(columns(graphOf(configOf({}), '/')), [
    'hello task logs direct_logs topic_logs rpc',
    'logs direct_logs topic_logs',
    'hello task_queue logs direct_logs topic_logs rpc_queue',
    'hello hello.dead task task_queue.dead logs direct_logs topic_logs rpc rpc_queue.dead',
  ]);
});

test('nodes do not overlap, and no edge passes under a node', () => {
  const { nodes, edges } = layout(graphOf(configOf({}), '/'));
  const isIn = (node: (typeof nodes)[number], x: number, y: number) =>
    x > node.x && x < node.x + node.width && y > node.y && y < node.y + node.height;
  for (const one of nodes) {
    for (const other of nodes)
      if (one !== other) assert.not(isIn(other, one.x + 1, one.y + 1), `${one.id} on ${other.id}`);
    for (const { via } of edges) for (const { x, y, width } of via) assert.not(isIn(one, x + width / 2, y), one.id);
  }
  assert.ok(edges.some(({ via }) => via.length > 0));
});

test('places a bound exchange after its source, even in a cycle', () => {
  const bindings = { one: { source: 'a', destination: 'b', destinationType: 'exchange' } };
  const vhost = (more: object) => ({
    vhosts: { v: { exchanges: { a: {}, b: {} }, bindings: { ...bindings, ...more } } },
  });
  assert.equal(columns(graphOf(configOf(vhost({})), 'v')), ['a', 'b']);
  const circle = vhost({ two: { source: 'b', destination: 'a', destinationType: 'exchange' } });
  assert.is(columns(graphOf(configOf(circle), 'v')).join(' ').length, 3);
});

test('the graph contains types, broker names and dead-letter targets', () => {
  const config = configOf({
    vhosts: {
      v: {
        namespace: 'ns',
        exchanges: { e: { type: 'direct' }, f: { type: 'fanout' } },
        queues: {
          q: { options: { arguments: { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'f' } } },
          own: { replyTo: true },
        },
        bindings: {
          one: { source: 'e', destination: 'q', bindingKeys: ['k1', 'k2'] },
          two: { source: 'f', destination: 'own' },
        },
      },
    },
    publications: { p: { vhost: 'v', exchange: 'e', routingKey: 'k1' } },
    subscriptions: { s: { vhost: 'v', queue: 'q' } },
  });
  const { nodes, edges } = graphOf(config, 'v');
  assert.equal(
    nodes.map(({ id, brokerName, type, isOwn }) =>
      [id, brokerName, type, isOwn].filter((one) => one !== undefined).join(' '),
    ),
    [
      'publication p',
      'exchange e ns:e direct',
      'exchange f ns:f fanout',
      'queue q ns:q quorum',
      'queue own ns:own classic true',
      'queue q.dead ns:q.dead quorum',
      'subscription s',
    ],
  );
  assert.equal(
    edges.map(({ from, to, kind, keys }) => `${from} → ${to}: ${kind} ${keys}`.trim()),
    [
      'publication p → exchange e: publish k1',
      'exchange e → queue q: bind k1,k2',
      'exchange f → queue own: bind',
      'queue q → exchange f: dead-letter',
      'queue q → subscription s: consume',
      'queue q → queue q.dead: dead-letter',
    ],
  );
});

test('labels with long names do not overlap each other or nodes', () => {
  const keys = Array.from({ length: 6 }, (_, index) => `orders.europe.${index}.paid`);
  const queues = Object.fromEntries(keys.map((key) => [`a queue with a long name for ${key}`, {}]));
  const bindings = Object.keys(queues).map((destination, index) => ({
    source: index % 2 === 0 ? 'one' : 'two',
    destination,
    bindingKeys: keys.slice(0, index + 1),
  }));
  const config = configOf({ vhosts: { v: { exchanges: ['one', 'two'], queues, bindings } } });
  const { nodes, edges, width, height } = layout(graphOf(config, 'v'));
  const labels = edges.flatMap(({ label }) => (label ? [label] : []));
  assert.is(labels.length, 6);
  assert.is(labels.at(-1)?.text, 'orders.europe.0… orders.europe.1… +4');
  const overlap = (one: (typeof labels)[number], other: (typeof labels)[number]) =>
    Math.abs(one.x - other.x) < (one.width + other.width) / 2 && Math.abs(one.y - other.y) < 14;
  for (const one of labels) {
    for (const other of labels) if (one !== other) assert.not(overlap(one, other), `${one.text} on ${other.text}`);
    for (const { x, y, width: wide, height: high, id } of nodes) {
      const isOn = one.x + one.width / 2 > x && one.x - one.width / 2 < x + wide && one.y > y && one.y < y + high;
      assert.not(isOn, `${one.text} on ${id}`);
    }
    assert.ok(one.x + one.width / 2 <= width && one.y <= height);
  }
});

test('the graph contains the dead-letter target of mq or of rascal.json', () => {
  const file = (deadLetter?: object | false) => ({
    vhosts: { v: { exchanges: ['dlx'], queues: ['q', 'parked'] } },
    publications: { bury: { vhost: 'v', exchange: 'dlx' } },
    subscriptions: { s: { vhost: 'v', queue: 'q' } },
    mq: { retry: deadLetter === undefined ? {} : { deadLetter } },
  });
  const ends = (deadLetter?: object | false) =>
    graphOf(ownConfigOf(file(deadLetter)), 'v').edges.flatMap(({ kind, to }) => (kind === 'dead-letter' ? [to] : []));
  assert.equal(ends(), ['queue q.dead']);
  assert.equal(ends({ queue: 'parked' }), ['queue parked']);
  assert.equal(ends({ publication: 'bury' }), ['exchange dlx']);
  assert.equal(ends(false), []);
});

test('the layout of an unknown vhost is empty', () => {
  assert.equal(layout(graphOf(configOf({}), 'nosuch')), {
    width: 0,
    height: 0,
    nodes: [],
    edges: [],
  });
});

test.run();
