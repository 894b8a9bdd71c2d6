// Draws the topology, and shows the depths of its queues in the drawing and in a table.

import type { Catalog, Depths, DrawnEdge, DrawnNode, QueueDepth } from '../catalog.ts';
import { ask } from './ask.ts';
import { byId, element, setText, svgElement } from './dom.ts';
import { oneLine } from './text.ts';

const margin = 12;
const everyMs = 2000;

export function drawTopology({ drawing }: Catalog): void {
  const nodes = new Map(drawing.nodes.map((node) => [node.id, node]));
  const figures = drawing.nodes.map(figureOf);
  showDrawing(drawing, figures);
  const rows = drawing.nodes.filter(({ kind }) => kind === 'queue').map(rowOf);
  byId('queues').append(...rows.map(({ row }) => row));
  updateDepths((depths) => {
    setText(byId('depths-from'), sourceOf(depths));
    showMissing(depths, nodes);
    for (const { node, show } of [...figures, ...rows]) show(depths.queues[node.id], depths.missing.includes(node.id));
  });
}

/** A node in the drawing or in the table, which `show` updates. */
interface Figure {
  readonly node: DrawnNode;
  readonly show: (depth: QueueDepth | undefined, isMissing: boolean) => void;
}

type DrawnFigure = Figure & { readonly group: SVGGElement };

function showDrawing(drawing: Catalog['drawing'], figures: readonly DrawnFigure[]): void {
  const [width, height] = [drawing.width + 2 * margin, drawing.height + 2 * margin];
  const place = byId('drawing');
  // A narrow screen scrolls the drawing. It must be focusable, so that the arrow keys scroll it.
  place.tabIndex = 0;
  place.append(
    svgElement(
      'svg',
      { viewBox: `${-margin} ${-margin} ${width} ${height}`, width, height },
      svgElement('defs', {}, arrow()),
      ...drawing.edges.map(edgeOf),
      // Labels are above all edges, so that no edge crosses a text.
      ...drawing.edges.flatMap(labelOf),
      ...figures.map(({ group }) => group),
    ),
  );
  const showHint = () => {
    byId('sideways').hidden = place.scrollWidth <= place.clientWidth;
  };
  addEventListener('resize', showHint);
  showHint();
}

function arrow(): SVGMarkerElement {
  const size = { refX: 7, refY: 4, markerWidth: 7, markerHeight: 7 };
  return svgElement(
    'marker',
    { id: 'arrow', viewBox: '0 0 8 8', ...size, orient: 'auto-start-reverse' },
    svgElement('path', { d: 'M0,0.5L7.5,4L0,7.5Z', class: 'arrow' }),
  );
}

function sourceOf({ from, management }: Depths): string {
  if (from === 'management') return `depths from the management API at ${management ?? ''}`;
  if (from === undefined) return 'the depths are unknown';
  const why =
    management === undefined ? 'no management API is used' : `the management API at ${management} does not answer`;
  return `depths over AMQP (${why})`;
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
  const them = names.length === 1 ? 'it' : 'them';
  setText(
    place,
    `Missing on the broker: ${names.slice(0, 5).join(', ')}${more} (dashed). Run mq declare to declare ${them}.`,
  );
}

function figureOf(node: DrawnNode): DrawnFigure {
  const { kind, name, type, x, y, width, height } = node;
  const title = oneLine(name || '(default)', 200);
  const about = aboutOf(node);
  const small = svgElement('text', { y: 34, class: 'about' }, oneLine(about, Math.floor((width - 26) / 6)));
  const inset = kind === 'exchange' ? 18 : 12;
  const group = svgElement(
    'g',
    { class: `node ${kind}` },
    svgElement('title', {}, `${kind} ${title}${type ? ` (${type})` : ''}${about ? `: ${oneLine(about, 300)}` : ''}`),
    svgElement('rect', { x, y, width, height, rx: kind === 'queue' ? 4 : kind === 'exchange' ? height / 2 : 10 }),
    // A nested <svg> clips text that is too long.
    svgElement(
      'svg',
      { x: x + inset, y, width: width - inset - 8, height },
      svgElement('text', { y: 18, class: 'name' }, oneLine(title, Math.floor((width - inset - 14) / 7.6))),
      small,
    ),
  );
  const show = (depth: QueueDepth | undefined, isMissing: boolean) => {
    group.classList.toggle('missing', isMissing);
    if (kind !== 'queue') return;
    setText(small, shortOf(depth, isMissing, node));
    small.classList.toggle('waits', (depth?.ready ?? 0) > 0);
  };
  return { node, group, show };
}

function aboutOf({ kind, type, isOwn, roles = [] }: DrawnNode): string {
  if (kind === 'exchange') return type ?? '';
  if (kind === 'queue') return isOwn ? 'one for each receiver' : '';
  return roles.map((role) => `mq ${role}`).join(', ');
}

function edgeOf({ kind, keys, path }: DrawnEdge): SVGGElement {
  return svgElement(
    'g',
    { class: `edge ${kind}` },
    svgElement('title', {}, keys.length > 0 ? keys.map((key) => oneLine(key, 200)).join(' ') : kind),
    svgElement('path', { d: path, 'marker-end': 'url(#arrow)' }),
  );
}

function labelOf({ label, keys }: DrawnEdge): SVGTextElement[] {
  if (!label) return [];
  const all = svgElement('title', {}, keys.map((key) => oneLine(key, 200)).join(' '));
  return [svgElement('text', { x: label.x, y: label.y, class: 'keys' }, all, oneLine(label.text, 80))];
}

function rowOf(node: DrawnNode): Figure & { readonly row: HTMLTableRowElement } {
  const { name, type = '', isOwn, isMade } = node;
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
    if (isOwn !== true) setText(note, isMissing ? ` ${missingText(isMade)}` : held);
    const numbers = [depth?.ready, depth?.unacked, depth?.consumers];
    for (const [index, cell] of cells.entries()) setText(cell, numbers[index]?.toLocaleString('en') ?? '–');
    if (isOwn && depth?.count !== undefined) setText(note, ` one for each receiver: ${depth.count}`);
  };
  return { node, row, show };
}

function missingText(isMade: boolean | undefined): string {
  return isMade === true ? 'declared at the first failure' : 'missing';
}

function shortOf(depth: QueueDepth | undefined, isMissing: boolean, node: DrawnNode): string {
  if (!depth) return isMissing ? missingText(node.isMade) : node.isOwn === true ? 'one for each receiver' : '';
  const { ready, unacked, held, consumers, count } = depth;
  if (count !== undefined) return `${count} queues · ${ready} ready`;
  if (held !== undefined) return `${ready} ready · ${held} held back`;
  const second =
    unacked === undefined ? `${consumers} ${consumers === 1 ? 'consumer' : 'consumers'}` : `${unacked} unacked`;
  return `${ready} ready · ${second}`;
}

/** Updates the depths while the page is visible. */
function updateDepths(show: (depths: Depths) => void): void {
  const update = async () => {
    const answer = await ask('/api/depths');
    if (!answer) show({ from: undefined, queues: {}, missing: [] });
    else if (answer.status === 200) show(JSON.parse(answer.text));
  };
  const poll = async () => {
    if (!document.hidden) await update();
    setTimeout(() => void poll(), everyMs);
  };
  void poll();
}
