// Places for a graph: columns from left to right in the direction in which messages go, and in each column an order
// with few crossings. Pure; the unit is a pixel of the drawing.

import type { Graph, GraphEdge, GraphNode, NodeKind } from './graph.ts';

export interface PlacedNode extends GraphNode {
  /** The left upper corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly GraphEdge[];
}

const size = { width: 168, height: 44 };
const gap = { column: 84, row: 16 };

export function layout({ nodes, edges }: Graph): Layout {
  const columns = columnsOf({ nodes, edges });
  const rows = new Map<string, number>();
  for (const column of columns) for (const [row, one] of column.entries()) rows.set(one.id, row);
  // To and fro: each node goes to the middle of what it is joined with in the column before, then in the one after.
  for (let round = 0; round < 4; round += 1) {
    const order = round % 2 === 0 ? columns : columns.toReversed();
    for (const column of order.slice(1)) {
      const middle = (one: GraphNode) => {
        const joined = edges.flatMap(({ from, to }) => (from === one.id ? [to] : to === one.id ? [from] : []));
        const places = joined.flatMap((other) =>
          column.some(({ id }) => id === other) ? [] : (rows.get(other) ?? []),
        );
        return places.length === 0
          ? (rows.get(one.id) ?? 0)
          : places.reduce((sum, place) => sum + place) / places.length;
      };
      const wanted = new Map(column.map((one) => [one.id, middle(one)]));
      column.sort((one, other) => (wanted.get(one.id) ?? 0) - (wanted.get(other.id) ?? 0));
      for (const [row, one] of column.entries()) rows.set(one.id, row);
    }
  }
  const longest = Math.max(0, ...columns.map(({ length }) => length));
  const heightOf = (count: number) => Math.max(0, count * (size.height + gap.row) - gap.row);
  const placed = columns.flatMap((column, index) => {
    const top = (heightOf(longest) - heightOf(column.length)) / 2;
    const x = index * (size.width + gap.column);
    return column.map((one, row) => ({ ...one, ...size, x, y: top + row * (size.height + gap.row) }));
  });
  const width = Math.max(0, columns.length * (size.width + gap.column) - gap.column);
  return { width, height: heightOf(longest), nodes: placed, edges };
}

/** Publications, exchanges (one bound to another stands behind it), queues, subscriptions; no empty column. */
function columnsOf({ nodes, edges }: Graph): GraphNode[][] {
  const of = (kind: NodeKind) => nodes.filter((one) => one.kind === kind);
  const exchanges = of('exchange');
  const depth = new Map(exchanges.map(({ id }) => [id, 0]));
  const bound = edges.filter(({ kind, from, to }) => kind === 'bind' && depth.has(from) && depth.has(to));
  // Bindings may go round in a circle: no more rounds than exchanges.
  for (let round = 0; round < Math.min(exchanges.length, 6); round += 1) {
    for (const { from, to } of bound) {
      if (from !== to) depth.set(to, Math.min(6, Math.max(depth.get(to) ?? 0, (depth.get(from) ?? 0) + 1)));
    }
  }
  const last = Math.max(0, ...depth.values());
  const middle = Array.from({ length: last + 1 }, (_, level) => exchanges.filter(({ id }) => depth.get(id) === level));
  return [of('publication'), ...middle, of('queue'), of('subscription')].filter(({ length }) => length > 0);
}
