// Makes a large graph readable: keeps the neighbourhood of one object, and joins objects whose names have the same prefix.

import type { Graph, GraphEdge, GraphNode } from './graph.ts';
import { sumOf } from './live-graph.ts';

/** The nodes of a larger graph are joined. */
const mostNodes = 60;
/** Fewer objects with the same prefix are not joined. */
const leastMembers = 3;
/** Number of parts of a name that a prefix may have. */
const longestPrefix = 6;

/**
 * Returns the nodes with the name, in rascal.json or on the broker, and the nodes that at most `depth` edges separate from
 * them. Returns `undefined` if there is no such name.
 */
export function focusedGraph({ nodes, edges }: Graph, name: string, depth: number): Graph | undefined {
  const kept = new Set(nodes.flatMap((one) => (one.name === name || one.brokerName === name ? [one.id] : [])));
  if (kept.size === 0) return undefined;
  for (let round = 0; round < depth; round += 1) {
    const next = edges.flatMap(({ from, to }) => (kept.has(from) ? [to] : kept.has(to) ? [from] : []));
    for (const id of next) kept.add(id);
  }
  return {
    nodes: nodes.filter(({ id }) => kept.has(id)),
    edges: edges.filter(({ from, to }) => kept.has(from) && kept.has(to)),
  };
}

/** Joins nodes with the longest prefixes for which the graph is small enough. Returns a small graph as it is. */
export function collapsedGraph(graph: Graph): Graph {
  let collapsed = graph;
  for (let parts = longestPrefix; parts >= 0 && collapsed.nodes.length > mostNodes; parts -= 1)
    collapsed = joined(graph, parts);
  return collapsed;
}

function joined({ nodes, edges }: Graph, parts: number): Graph {
  const groups = Map.groupBy(nodes, (node) => groupOf(node, parts));
  const ids = new Map<string, string>();
  const kept = [...groups.values()].flatMap((members): readonly GraphNode[] => {
    const [first] = members;
    if (first === undefined || members.length < leastMembers) return members;
    const node = groupNode(first, members, parts);
    for (const { id } of members) ids.set(id, node.id);
    return [node];
  });
  const moved = edges.map((edge) => ({
    ...edge,
    from: ids.get(edge.from) ?? edge.from,
    to: ids.get(edge.to) ?? edge.to,
  }));
  const byEnds = Map.groupBy(moved, ({ kind, from, to, state }) => JSON.stringify([kind, from, to, state]));
  return {
    nodes: kept,
    edges: [...byEnds.values()].flatMap(([first, ...others]): GraphEdge[] => {
      if (first === undefined) return [];
      return [{ ...first, keys: [...new Set([first, ...others].flatMap(({ keys }) => keys))] }];
    }),
  };
}

function groupOf({ kind, name, type, state, isMade }: GraphNode, parts: number): string {
  return JSON.stringify([kind, prefixOf(name, parts), kind === 'exchange' ? type : '', state, isMade]);
}

function groupNode(first: GraphNode, members: readonly GraphNode[], parts: number): GraphNode {
  const { kind, name, type, state, isMade } = first;
  const prefix = prefixOf(name, parts);
  const counts = sumOf(members.map((one) => one.counts ?? {}));
  return {
    id: `group ${groupOf(first, parts)}`,
    kind,
    name: `${prefix}*${isMade ? '.dead' : ''}`,
    ...(type !== undefined && members.every((one) => one.type === type) && { type }),
    ...(state !== undefined && { state }),
    ...(isMade && { isMade }),
    ...(Object.keys(counts).length > 0 && { counts }),
    members: members.reduce((sum, one) => sum + (one.members ?? 1), 0),
  };
}

/** Returns the first parts of a name. A part ends after a separator, and before a number. */
function prefixOf(name: string, parts: number): string {
  const all = name.split(/(?<=[.:_/-])|(?<=[^\d.:_/-])(?=\d)/);
  return all.slice(0, Math.min(parts, all.length - 1)).join('');
}
