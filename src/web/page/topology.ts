// Draws the topology, and shows the depths of its queues in the drawing and in a table.

import type { Catalog, Depths, DrawnEdge, DrawnNode, QueueDepth } from '../catalog.ts';
import { byId, drawn, element, tell } from './dom.ts';
import { oneLine } from './text.ts';

const margin = 12;
const everyMs = 2000;

export function drawTopology({ drawing }: Catalog): void {
  const places = new Map(drawing.nodes.map((node) => [node.id, node]));
  const edges = drawing.edges.flatMap((edge) => {
    const [source, target] = [places.get(edge.from), places.get(edge.to)];
    return source && target ? [edgeOf(edge, source, target)] : [];
  });
  const live = new Map<string, SVGTextElement>();
  const drawnNodes = new Map(drawing.nodes.map((node) => [node.id, nodeOf(node, live)]));
  const [width, height] = [drawing.width + 2 * margin, drawing.height + 2 * margin];
  const arrow = drawn(
    'marker',
    {
      id: 'arrow',
      viewBox: '0 0 8 8',
      refX: 7,
      refY: 4,
      markerWidth: 7,
      markerHeight: 7,
      orient: 'auto-start-reverse',
    },
    drawn('path', { d: 'M0,0.5L7.5,4L0,7.5Z', class: 'arrow' }),
  );
  const place = byId('drawing');
  // On a narrow screen the drawing scrolls, so the arrow keys must reach it.
  place.tabIndex = 0;
  place.append(
    drawn(
      'svg',
      { viewBox: `${-margin} ${-margin} ${width} ${height}`, width, height },
      drawn('defs', {}, arrow),
      ...edges,
      // Labels are above all edges, so that no edge crosses a text.
      ...drawing.edges.flatMap(labelOf),
      ...drawnNodes.values(),
    ),
  );
  const showWidth = () => {
    byId('sideways').hidden = place.scrollWidth <= place.clientWidth;
  };
  addEventListener('resize', showWidth);
  showWidth();
  const rows = drawing.nodes.filter(({ kind }) => kind === 'queue').map((node) => rowOf(node));
  byId('queues').append(...rows.map(({ row }) => row));
  keepFresh((depths) => {
    tell(byId('depths-from'), sourceOf(depths));
    showMissing(depths, places);
    for (const [id, one] of drawnNodes) one.classList.toggle('missing', depths.missing.includes(id));
    for (const { id, show } of rows) show(depths.queues[id], depths.missing.includes(id));
    for (const [id, text] of live) {
      const depth = depths.queues[id];
      tell(text, shortOf(depth, depths.missing.includes(id), places.get(id)));
      text.classList.toggle('waits', (depth?.ready ?? 0) > 0);
    }
  });
}

function sourceOf({ from, management }: Depths): string {
  if (from === 'management') return `depths by the management API at ${management ?? ''}`;
  if (from === undefined) return 'depths: unknown';
  const why =
    management === undefined ? 'no management API is used' : `the management API at ${management} does not answer`;
  return `depths by AMQP (${why})`;
}

/** Shows missing objects, except queues that mq declares only at the first failure. */
function showMissing({ missing }: Depths, nodes: ReadonlyMap<string, DrawnNode>): void {
  const names = missing.flatMap((id) => {
    const node = nodes.get(id);
    return node && node.isMade !== true ? [`${node.kind} ${oneLine(node.name, 60)}`] : [];
  });
  const place = byId('missing');
  place.hidden = names.length === 0;
  place.dataset['active'] = 'true';
  const more = names.length > 5 ? `, and ${names.length - 5} more` : '';
  const are = names.length === 1 ? 'is' : 'are';
  tell(
    place,
    `Not at the broker: ${names.slice(0, 5).join(', ')}${more}, which ${are} dashed. mq declare makes what is missing.`,
  );
}

function nodeOf(node: DrawnNode, live: Map<string, SVGTextElement>): SVGGElement {
  const { id, kind, name, type, isOwn, roles = [], x, y, width, height } = node;
  const title = oneLine(name || '(default)', 200);
  const about =
    kind === 'exchange'
      ? (type ?? '')
      : kind === 'queue'
        ? isOwn
          ? 'one each'
          : ''
        : roles.map((role) => `mq ${role}`).join(', ');
  const small = drawn('text', { y: 34, class: 'about' }, oneLine(about, Math.floor((width - 26) / 6)));
  if (kind === 'queue') live.set(id, small);
  const inset = kind === 'exchange' ? 18 : 12;
  return drawn(
    'g',
    { class: `node ${kind}` },
    drawn('title', {}, `${kind} ${title}${type ? ` (${type})` : ''}${about ? `: ${oneLine(about, 300)}` : ''}`),
    drawn('rect', { x, y, width, height, rx: kind === 'queue' ? 4 : kind === 'exchange' ? height / 2 : 10 }),
    // A nested drawing clips text that is too long.
    drawn(
      'svg',
      { x: x + inset, y, width: width - inset - 8, height },
      drawn('text', { y: 18, class: 'name' }, oneLine(title, Math.floor((width - inset - 14) / 7.6))),
      small,
    ),
  );
}

function edgeOf({ kind, keys, via }: DrawnEdge, source: DrawnNode, target: DrawnNode): SVGGElement {
  const isBack = target.x <= source.x;
  // To an earlier column, the edge leaves on the left and enters on the right. To the same column, it bends on the
  // right.
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
  return drawn(
    'g',
    { class: `edge ${kind}` },
    drawn('title', {}, keys.length > 0 ? keys.map((key) => oneLine(key, 200)).join(' ') : kind),
    drawn('path', { d: path, 'marker-end': 'url(#arrow)' }),
  );
}

function labelOf({ label, keys }: DrawnEdge): SVGTextElement[] {
  if (!label) return [];
  const all = drawn('title', {}, keys.map((key) => oneLine(key, 200)).join(' '));
  return [drawn('text', { x: label.x, y: label.y, class: 'keys' }, all, oneLine(label.text, 80))];
}

function rowOf({ id, name, type = '', isOwn, isMade }: DrawnNode) {
  const cells = Array.from({ length: 3 }, () => element('td', {}, '–'));
  const note = element('small', {}, isOwn ? ' one for each receiver' : '');
  const row = element(
    'tr',
    {},
    element('th', { scope: 'row' }, oneLine(name, 200), note),
    element('td', {}, type),
    ...cells,
  );
  const show = (depth: QueueDepth | undefined, isMissing: boolean) => {
    const held = depth?.held === undefined ? '' : ` ${depth.held} held back`;
    if (isOwn !== true) tell(note, isMissing ? ` ${absence(isMade)}` : held);
    const numbers = [depth?.ready, depth?.unacked, depth?.consumers];
    for (const [index, cell] of cells.entries()) tell(cell, numbers[index]?.toLocaleString('en') ?? '–');
    if (isOwn && depth?.count !== undefined) tell(note, ` one for each receiver: ${depth.count}`);
  };
  return { id, row, show };
}

function absence(isMade: boolean | undefined): string {
  return isMade === true ? 'made at first failure' : 'not there';
}

function shortOf(depth: QueueDepth | undefined, isMissing: boolean, node: DrawnNode | undefined): string {
  if (!depth) return isMissing ? absence(node?.isMade) : node?.isOwn === true ? 'one each' : '';
  const { ready, unacked, held, consumers, count } = depth;
  if (count !== undefined) return `${count} × one each · ${ready} ready`;
  if (held !== undefined) return `${ready} ready · ${held} held back`;
  const second =
    unacked === undefined ? `${consumers} ${consumers === 1 ? 'consumer' : 'consumers'}` : `${unacked} unacked`;
  return `${ready} ready · ${second}`;
}

/** Updates the depths while the page is visible. */
function keepFresh(show: (depths: Depths) => void): void {
  const ask = async () => {
    try {
      const response = await fetch('/api/depths');
      if (response.ok) show((await response.json()) as Depths);
    } catch {
      show({ from: undefined, queues: {}, missing: [] });
    }
  };
  const go = async () => {
    if (!document.hidden) await ask();
    setTimeout(() => void go(), everyMs);
  };
  void go();
}
