// Places for a graph: columns from left to right in the direction in which messages go, and in each column an order
// with few crossings. An edge that passes a column has a place of its own there, so that it runs under no node. Pure;
// the unit is a pixel of the drawing.

import type { Graph, GraphEdge, GraphNode, NodeKind } from './graph.ts';

export interface PlacedNode extends GraphNode {
  /** The left upper corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge extends GraphEdge {
  /** Where it passes columns: from (x, y) straight to (x + width, y). */
  readonly via: readonly { readonly x: number; readonly y: number; readonly width: number }[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

const size = { width: 168, height: 44 };
const gap = { column: 84, row: 16 };
/** Room for an edge that passes. */
const passingHeight = 10;
const rounds = 6;

/** A node, or an edge where it passes the column. */
interface Slot {
  readonly id: string;
  readonly node: GraphNode | undefined;
}

export function layout({ nodes, edges }: Graph): Layout {
  const columns: Slot[][] = columnsOf({ nodes, edges }).map((column) => column.map((node) => ({ id: node.id, node })));
  const columnOf = new Map(columns.flatMap((column, index) => column.map(({ id }) => [id, index] as const)));
  const links: [string, string][] = [];
  const passing = edges.map(({ from, to }, index) => {
    const [start = 0, end = 0] = [columnOf.get(from), columnOf.get(to)];
    const slots: string[] = [];
    for (let column = start + 1; column < end; column += 1) {
      const id = `edge ${index} in ${column}`;
      columns[column]?.push({ id, node: undefined });
      slots.push(id);
    }
    const chain = [from, ...slots, to];
    for (const [at, id] of chain.slice(1).entries()) links.push([chain[at] ?? '', id]);
    return slots;
  });
  order(columns, links);

  const heightOf = ({ node }: Slot) => (node ? size.height : passingHeight);
  const heights = columns.map((column) => column.reduce((sum, slot) => sum + heightOf(slot) + gap.row, -gap.row));
  const height = Math.max(0, ...heights);
  const places = new Map<string, { x: number; y: number }>();
  for (const [index, column] of columns.entries()) {
    let y = (height - (heights[index] ?? 0)) / 2;
    for (const slot of column) {
      places.set(slot.id, { x: index * (size.width + gap.column), y });
      y += heightOf(slot) + gap.row;
    }
  }
  const placeOf = (id: string) => places.get(id) ?? { x: 0, y: 0 };
  return {
    width: Math.max(0, columns.length * (size.width + gap.column) - gap.column),
    height,
    nodes: columns.flat().flatMap(({ id, node }) => (node ? [{ ...node, ...size, ...placeOf(id) }] : [])),
    edges: edges.map((edge, index) => ({
      ...edge,
      via: (passing[index] ?? []).map((id) => {
        const { x, y } = placeOf(id);
        return { x, y: y + passingHeight / 2, width: size.width };
      }),
    })),
  };
}

/** To and fro: each slot goes to the middle of what it is joined with in the column before, then in the one after. */
function order(columns: Slot[][], links: readonly (readonly [string, string])[]): void {
  const before = new Map<string, string[]>();
  const after = new Map<string, string[]>();
  for (const [from, to] of links) {
    after.set(from, [...(after.get(from) ?? []), to]);
    before.set(to, [...(before.get(to) ?? []), from]);
  }
  // A place in its column from 0 to 1: columns are not equally long.
  const rows = new Map<string, number>();
  const place = (column: readonly Slot[]) => {
    for (const [row, { id }] of column.entries()) rows.set(id, (row + 0.5) / column.length);
  };
  for (const column of columns) place(column);
  for (let round = 0; round < rounds; round += 1) {
    const joined = round % 2 === 0 ? before : after;
    for (const column of round % 2 === 0 ? columns.slice(1) : columns.slice(0, -1).reverse()) {
      const wanted = new Map(
        column.map(({ id }) => {
          const others = (joined.get(id) ?? []).map((other) => rows.get(other) ?? 0);
          const middle = others.reduce((sum, row) => sum + row, 0) / others.length;
          return [id, others.length === 0 ? (rows.get(id) ?? 0) : middle];
        }),
      );
      column.sort((one, other) => (wanted.get(one.id) ?? 0) - (wanted.get(other.id) ?? 0));
      place(column);
    }
  }
}

/** Publications, exchanges (one bound to another stands behind it), queues, subscriptions; no empty column. */
function columnsOf({ nodes, edges }: Graph): GraphNode[][] {
  const of = (kind: NodeKind) => nodes.filter((one) => one.kind === kind);
  const exchanges = of('exchange');
  const depth = new Map(exchanges.map(({ id }) => [id, 0]));
  const bound = edges.filter(({ kind, from, to }) => kind === 'bind' && depth.has(from) && depth.has(to));
  // Bindings may go round in a circle: no more rounds than this.
  for (let round = 0; round < Math.min(exchanges.length, rounds); round += 1) {
    for (const { from, to } of bound) {
      if (from !== to) depth.set(to, Math.min(rounds, Math.max(depth.get(to) ?? 0, (depth.get(from) ?? 0) + 1)));
    }
  }
  const last = Math.max(0, ...depth.values());
  const middle = Array.from({ length: last + 1 }, (_, level) => exchanges.filter(({ id }) => depth.get(id) === level));
  return [of('publication'), ...middle, of('queue'), of('subscription')].filter(({ length }) => length > 0);
}
