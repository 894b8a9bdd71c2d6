// Adds to the graph of rascal.json what a broker has: counts, objects that are missing there, and objects that only the broker
// has.

import { stringOf } from '../config/plain.ts';
import { matchText } from './binding-key.ts';
import type { Graph, GraphEdge, GraphNode } from './graph.ts';
import type { QueueCounts, Topology, TopologyQueue } from './topology.ts';

/**
 * Returns the graph with the states and counts of a broker.
 * @param hidden queues on the broker that belong to nodes of the graph, such as those between two attempts
 */
export function liveGraph(graph: Graph, topology: Topology, hidden: ReadonlySet<string>): Graph {
  const places = new Places(graph, hidden);
  const edges = comparedEdges(graph, { places, edges: brokerEdges(topology, places) });
  const used = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const foreign = foreignNodes(topology, places).filter(({ name, id }) => !name.startsWith('amq.') || used.has(id));
  return { nodes: [...graph.nodes.map((node) => liveNode(node, topology, places)), ...foreign], edges };
}

type Kind = 'exchange' | 'queue';

/** Finds the node of an object on the broker. */
class Places {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #own: readonly GraphNode[];
  readonly #hidden: ReadonlySet<string>;
  readonly #ids: ReadonlySet<string>;

  constructor({ nodes }: Graph, hidden: ReadonlySet<string>) {
    for (const node of nodes)
      if (node.brokerName !== undefined) this.#nodes.set(`${node.kind} ${node.brokerName}`, node);
    this.#own = nodes.filter(({ isOwn }) => isOwn === true);
    this.#hidden = hidden;
    this.#ids = new Set(nodes.map(({ id }) => id));
  }

  /** Returns the node of rascal.json, or `undefined`. */
  node(kind: Kind, name: string): GraphNode | undefined {
    const own = kind === 'queue' ? this.#own.find((one) => name.startsWith(`${one.brokerName}:`)) : undefined;
    return own ?? this.#nodes.get(`${kind} ${name}`);
  }

  /** Returns the id of the node of rascal.json or of a foreign node; `undefined` for a hidden queue. */
  id(kind: Kind, name: string): string | undefined {
    const node = this.node(kind, name);
    if (node !== undefined) return node.id;
    if (kind === 'queue' && this.#hidden.has(name)) return undefined;
    // With a namespace, an object of rascal.json may have the same short name.
    const id = `${kind} ${name}`;
    return this.#ids.has(id) ? `${id} (foreign)` : id;
  }
}

function liveNode(node: GraphNode, { exchanges, queues }: Topology, places: Places): GraphNode {
  const { kind, brokerName, isOwn } = node;
  if (brokerName === undefined || (kind === 'exchange' && brokerName === '')) return node;
  if (kind === 'exchange')
    return exchanges.some(({ name }) => name === brokerName) ? node : { ...node, state: 'missing' };
  const found = queues.filter(({ name }) => places.node('queue', name) === node);
  if (isOwn) return { ...node, counts: sumOf(found.map(({ counts = {} }) => counts)), members: found.length };
  const [first] = found;
  return first === undefined ? { ...node, state: 'missing' } : { ...node, counts: first.counts ?? {} };
}

/** Returns the sums. A count that no queue reports is absent. */
export function sumOf(all: readonly QueueCounts[]): QueueCounts {
  const sums: Partial<Record<keyof QueueCounts, number>> = {};
  for (const counts of all)
    for (const name of ['messages', 'unacknowledged', 'consumers', 'publishRate', 'deliverRate'] as const) {
      const value = counts[name];
      if (value !== undefined) sums[name] = (sums[name] ?? 0) + value;
    }
  return sums;
}

function foreignNodes({ exchanges, queues }: Topology, places: Places): GraphNode[] {
  const nodes = [
    ...exchanges.map(({ name, type }) => ({ kind: 'exchange' as const, name, type })),
    ...queues.map(({ name, type = 'classic', counts = {} }) => ({ kind: 'queue' as const, name, type, counts })),
  ];
  return nodes.flatMap((one) => {
    const id = places.id(one.kind, one.name);
    if (id === undefined || places.node(one.kind, one.name) !== undefined) return [];
    return [{ ...one, id, brokerName: one.name, state: 'foreign' as const }];
  });
}

/** Returns the bindings, alternate exchanges and dead-letter targets of the broker. */
function brokerEdges({ exchanges, queues, bindings, policies }: Topology, places: Places): GraphEdge[] {
  const definitions = new Map(policies.map(({ name, definition }) => [name, definition]));
  const setting = (one: { policy?: string; policySettings?: TopologyQueue['policySettings'] }, name: string) =>
    stringOf((one.policySettings ?? definitions.get(one.policy ?? ''))?.[name]);
  const types = new Map(exchanges.map(({ name, type }) => [name, type]));
  const edge = (kind: GraphEdge['kind'], from?: string, to?: string, key?: string): GraphEdge[] =>
    from === undefined || to === undefined ? [] : [{ kind, from, to, keys: key === undefined ? [] : [key] }];
  return [
    ...bindings.flatMap(({ source, destination, destinationType, ...one }) => {
      const match = matchText({ ...one, type: types.get(source) });
      return edge('bind', places.id('exchange', source), places.id(destinationType, destination), match);
    }),
    ...exchanges.flatMap((one) => {
      const other = stringOf(one.arguments['alternate-exchange']) ?? setting(one, 'alternate-exchange');
      if (other === undefined || !types.has(other)) return [];
      return edge('alternate', places.id('exchange', one.name), places.id('exchange', other));
    }),
    ...queues.flatMap((one) => {
      const exchange = stringOf(one.arguments['x-dead-letter-exchange']) ?? setting(one, 'dead-letter-exchange');
      const key = stringOf(one.arguments['x-dead-letter-routing-key']) ?? setting(one, 'dead-letter-routing-key');
      const from = places.id('queue', one.name);
      if (exchange === '') return edge('dead-letter', from, places.id('queue', key ?? one.name));
      if (exchange === undefined || !types.has(exchange)) return [];
      return edge('dead-letter', from, places.id('exchange', exchange), key);
    }),
  ];
}

/** Returns one edge for each kind, pair of nodes and state, with the keys that have this state. */
function comparedEdges(graph: Graph, broker: { places: Places; edges: readonly GraphEdge[] }): GraphEdge[] {
  const found = keysByEdge(broker.edges);
  const own = new Set(graph.nodes.flatMap(({ id, isOwn }) => (isOwn ? [id] : [])));
  const onBroker = graph.edges.filter(isOnBroker);
  const wanted = keysByEdge(onBroker);
  const compared = onBroker.flatMap((edge): GraphEdge[] => {
    const keys = found.get(idOf(edge))?.keys;
    // The queue of a consumer and its bindings exist only while the consumer runs.
    if (own.has(edge.to) || own.has(edge.from)) return [edge];
    if (keys === undefined) return [{ ...edge, state: 'missing' }];
    const missing = edge.keys.filter((key) => !keys.includes(key));
    const present = edge.keys.filter((key) => keys.includes(key));
    if (missing.length === 0) return [edge];
    return [...(present.length > 0 ? [{ ...edge, keys: present }] : []), { ...edge, keys: missing, state: 'missing' }];
  });
  const foreign = [...found.values()].flatMap((edge): GraphEdge[] => {
    const keys = wanted.get(idOf(edge))?.keys;
    if (keys === undefined) return own.has(edge.to) ? [edge] : [{ ...edge, state: 'foreign' }];
    const more = edge.keys.filter((key) => !keys.includes(key));
    return more.length === 0 ? [] : [{ ...edge, keys: more, state: 'foreign' }];
  });
  return [...graph.edges.filter((edge) => !isOnBroker(edge)), ...compared, ...foreign];
}

function isOnBroker({ kind, isByRole }: GraphEdge): boolean {
  return isByRole !== true && (kind === 'bind' || kind === 'alternate' || kind === 'dead-letter');
}

/** Joins edges of the same kind and nodes. */
function keysByEdge(edges: readonly GraphEdge[]): ReadonlyMap<string, GraphEdge> {
  const joined = new Map<string, GraphEdge>();
  for (const edge of edges) {
    const { keys = [] } = joined.get(idOf(edge)) ?? {};
    joined.set(idOf(edge), { ...edge, keys: [...new Set([...keys, ...edge.keys])] });
  }
  return joined;
}

function idOf({ kind, from, to }: GraphEdge): string {
  return JSON.stringify([kind, from, to]);
}
