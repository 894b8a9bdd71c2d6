// Computes the positions of a graph, in pixels. Messages flow through the columns from left to right. The order in a column
// is chosen so that few edges cross. An edge that crosses a column has a slot in it, so that it does not run under a node.

import type { Graph, GraphEdge, GraphNode, NodeKind } from './graph.ts';

export interface PlacedNode extends GraphNode {
  /** Left edge. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEdge extends GraphEdge {
  /** The segments in the columns that the edge crosses. Each is a line from (x, y) to (x + width, y). */
  readonly via: readonly Segment[];
  /** The line in SVG's path syntax. */
  readonly path: string;
  /** The displayed keys. `x` and `y` are the centre of the text. */
  readonly label?: Label;
}

interface Segment {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

const node = { height: 44, shortest: 164, longest: 260, padding: 34 };
const gap = { column: 84, row: 16 };
/** The height of the slot of an edge that crosses a column. */
const passingHeight = 10;
/** Estimated widths of characters in a name, and of a character in a label, and the height of a label. */
const letter = { name: 7.6, capital: 9.6, broad: 12, wide: 13, label: 6.8, height: 15 };
const longestKey = 16;
/** The number of passes that order the columns, and the maximum length of a chain of exchanges. */
const rounds = 6;

/** A place in a column, for a node or for an edge that crosses the column. */
interface Slot {
  readonly id: string;
  /** `undefined` for an edge. */
  readonly node: GraphNode | undefined;
}

/**
 * Returns the positions of all nodes and edges of a graph.
 * @param noteOf returns the small text below the name of a node
 */
export function layout(graph: Graph, noteOf: (node: GraphNode) => string = rolesOf): Layout {
  const grid = gridOf(graph);
  const { columns, columnOf } = grid;
  const labels = graph.edges.map(labelText);
  const gaps = columns.map((_, index) => {
    const own = graph.edges.map(({ from }, at) => (columnOf.get(from) === index ? labelWidth(labels[at]) + 24 : 0));
    return Math.max(gap.column, ...own);
  });
  const { boxes, width, height } = placed(columns, gaps, noteOf);
  const edges = separateLabels(
    graph.edges.map((edge, index) => {
      const room = gaps[columnOf.get(edge.from) ?? 0] ?? gap.column;
      return placedEdge(edge, { slots: grid.passing[index] ?? [], text: labels[index], room, boxes });
    }),
  );
  return {
    width: Math.max(0, width, ...edges.map(({ label }) => (label ? label.x + label.width / 2 : 0))),
    height: Math.max(height, ...edges.map(({ label }) => (label ? label.y + letter.height / 2 : 0))),
    nodes: columns.flat().flatMap(({ id, node: one }) => (one ? [{ ...one, ...boxOf(boxes, id) }] : [])),
    edges,
  };
}

interface Grid {
  readonly columns: readonly (readonly Slot[])[];
  /** Column of each node. */
  readonly columnOf: ReadonlyMap<string, number>;
  /** The slots of each edge, in the columns that it crosses. */
  readonly passing: readonly (readonly string[])[];
}

/** Returns the ordered columns, with a slot for each node and for each edge that crosses the column. */
function gridOf({ nodes, edges }: Graph): Grid {
  const columns: Slot[][] = columnsOf({ nodes, edges }).map((column) =>
    column.map((one) => ({ id: one.id, node: one })),
  );
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
  return { columns, columnOf, passing };
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Returns the box of each slot, and the size of all columns. Each column is centred vertically. */
function placed(columns: Grid['columns'], gaps: readonly number[], noteOf: (node: GraphNode) => string) {
  const heightOf = ({ node: one }: Slot) => (one ? node.height : passingHeight);
  const heights = columns.map((column) => column.reduce((sum, slot) => sum + heightOf(slot) + gap.row, -gap.row));
  const height = Math.max(0, ...heights);
  const boxes = new Map<string, Box>();
  let x = 0;
  for (const [index, column] of columns.entries()) {
    const width = Math.max(...column.map(({ node: one }) => (one ? widthOf(one, noteOf(one)) : 0)));
    let y = (height - (heights[index] ?? 0)) / 2;
    for (const slot of column) {
      boxes.set(slot.id, { x, y, width, height: heightOf(slot) });
      y += heightOf(slot) + gap.row;
    }
    x += width + (gaps[index] ?? 0);
  }
  return { boxes, width: x - (gaps.at(-1) ?? 0), height };
}

function boxOf(boxes: ReadonlyMap<string, Box>, id: string): Box {
  return boxes.get(id) ?? { x: 0, y: 0, width: 0, height: 0 };
}

interface EdgePlace {
  /** The slots of the edge, in the columns that it crosses. */
  readonly slots: readonly string[];
  readonly text: string | undefined;
  /** The width of the gap after the column in which the edge begins. */
  readonly room: number;
  readonly boxes: ReadonlyMap<string, Box>;
}

function placedEdge(edge: GraphEdge, { slots, text, room, boxes }: EdgePlace): PlacedEdge {
  const via = slots.map((id) => {
    const { x, y, width } = boxOf(boxes, id);
    return { x, y: y + passingHeight / 2, width };
  });
  const [from, to] = [boxOf(boxes, edge.from), boxOf(boxes, edge.to)];
  const path = pathOf(from, to, via);
  if (text === undefined) return { ...edge, via, path };
  const end = via[0] ?? { x: to.x, y: to.y + to.height / 2 };
  const start = { x: from.x + from.width, y: from.y + from.height / 2 };
  // The label is closer to the end of the edge, because the edges of one exchange are further apart there.
  const x = to.x < from.x ? (from.x + to.x + to.width) / 2 : start.x + room / 2;
  const y = start.y + (end.y - start.y) * (to.x < from.x ? 0.5 : 0.6);
  const label = { text, x, y, width: labelWidth(text) };
  return { ...edge, via, path, label };
}

/**
 * Returns the line from one box to another through the segments. An edge to an earlier column begins on the left side and
 * ends on the right side. An edge to the same column bends on the right.
 */
function pathOf(source: Box, target: Box, via: readonly Segment[]): string {
  const isBack = target.x <= source.x;
  const leaves = target.x < source.x ? source.x : source.x + source.width;
  const start = { x: leaves, y: source.y + source.height / 2 };
  const end = { x: isBack ? target.x + target.width + 2 : target.x - 2, y: target.y + target.height / 2 };
  const stops = [
    ...via.flatMap(({ x, y, width }) => [
      { x, y },
      { x: x + width, y },
    ]),
    end,
  ];
  let path = `M${start.x},${start.y}`;
  let from = start;
  for (const to of stops) {
    const bend = target.x === source.x ? 60 : (to.x - from.x) / 2;
    const back = target.x === source.x ? to.x + bend : to.x - bend;
    path += from.y === to.y && !isBack ? `H${to.x}` : `C${from.x + bend},${from.y} ${back},${to.y} ${to.x},${to.y}`;
    from = to;
  }
  return path;
}

function rolesOf({ roles = [] }: GraphNode): string {
  return roles.map((role) => `mq ${role}`).join(', ');
}

function widthOf({ name }: GraphNode, note: string): number {
  const text = Math.max(textWidth(name), textWidth(note) * 0.85);
  return Math.min(node.longest, Math.max(node.shortest, Math.ceil(text) + node.padding));
}

/** Returns the estimated width of a text in the size of a name. */
export function textWidth(text: string): number {
  return Array.from(text).reduce((sum, character) => sum + characterWidth(character), 0);
}

function characterWidth(character: string): number {
  if (character > '\u1100') return letter.wide;
  if (/[MWmw@%]/.test(character)) return letter.broad;
  return /\p{Lu}/u.test(character) ? letter.capital : letter.name;
}

/** Returns the first two keys and the number of further keys; `undefined` if there is no key. */
function labelText({ keys }: GraphEdge): string | undefined {
  const shown = keys.filter((key) => key !== '');
  if (shown.length === 0) return undefined;
  const texts = shown.slice(0, 2).map((key) => (key.length > longestKey ? `${key.slice(0, longestKey - 1)}…` : key));
  return `${texts.join(' ')}${shown.length > 2 ? ` +${shown.length - 2}` : ''}`;
}

function labelWidth(text: string | undefined): number {
  return text === undefined ? 0 : Math.ceil(text.length * letter.label);
}

/** Moves labels down until they no longer overlap. */
function separateLabels(edges: readonly PlacedEdge[]): PlacedEdge[] {
  const settled: Label[] = [];
  const moved = new Map<PlacedEdge, Label>();
  const labelled = edges.flatMap((edge) => (edge.label ? [{ edge, label: edge.label }] : []));
  for (const { edge, label } of labelled.toSorted((one, other) => one.label.y - other.label.y)) {
    const overlapping = (y: number) =>
      settled.find(
        (one) =>
          Math.abs(one.x - label.x) < (one.width + label.width) / 2 + 4 && Math.abs(one.y - y) < letter.height - 0.01,
      );
    let { y } = label;
    for (let other = overlapping(y); other !== undefined; other = overlapping(y)) y = other.y + letter.height;
    const place = { ...label, y };
    settled.push(place);
    moved.set(edge, place);
  }
  return edges.map((edge) => {
    const label = moved.get(edge);
    return label === undefined ? edge : { ...edge, label };
  });
}

/**
 * Orders the slots of each column in alternating passes. In one pass, each slot moves to the mean position of its neighbours
 * in the previous column, in the next pass to that of its neighbours in the next column.
 */
function order(columns: Slot[][], links: readonly (readonly [string, string])[]): void {
  const before = new Map<string, string[]>();
  const after = new Map<string, string[]>();
  for (const [from, to] of links) {
    after.set(from, [...(after.get(from) ?? []), to]);
    before.set(to, [...(before.get(to) ?? []), from]);
  }
  // The relative position of each slot in its column, from 0 to 1, because columns differ in length.
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

/**
 * Returns the columns: publications, exchanges, queues, and subscriptions with dead-letter queues. An exchange that is bound
 * to another one is in a later column than its source. Empty columns are removed.
 */
function columnsOf({ nodes, edges }: Graph): GraphNode[][] {
  const of = (kind: NodeKind) => nodes.filter((one) => one.kind === kind);
  const exchanges = of('exchange');
  const depth = new Map(exchanges.map(({ id }) => [id, 0]));
  const bound = edges.filter(({ kind, from, to }) => kind === 'bind' && depth.has(from) && depth.has(to));
  // Bindings may form a cycle, so the number of rounds is limited.
  for (let round = 0; round < Math.min(exchanges.length, rounds); round += 1) {
    for (const { from, to } of bound) {
      if (from !== to) depth.set(to, Math.min(rounds, Math.max(depth.get(to) ?? 0, (depth.get(from) ?? 0) + 1)));
    }
  }
  const last = Math.max(0, ...depth.values());
  const middle = Array.from({ length: last + 1 }, (_, level) => exchanges.filter(({ id }) => depth.get(id) === level));
  const queues = of('queue');
  const dead = deadQueues(queues, edges);
  const work = queues.filter((queue) => !dead.includes(queue));
  return [of('publication'), ...middle, work, [...of('subscription'), ...dead]].filter(({ length }) => length > 0);
}

/** Returns the queues that receive only dead letters and are not consumed. They are placed after the other queues. */
function deadQueues(queues: readonly GraphNode[], edges: readonly GraphEdge[]): GraphNode[] {
  return queues.filter(({ id }) => {
    const into = edges.filter(({ to }) => to === id);
    const isSource = edges.some(({ from, kind }) => from === id && kind !== 'dead-letter');
    return (
      into.length > 0 &&
      into.every(({ kind, from }) => kind === 'dead-letter' && from.startsWith('queue ')) &&
      !isSource
    );
  });
}
