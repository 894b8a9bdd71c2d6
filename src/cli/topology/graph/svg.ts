// Draws the graph as SVG with the layout of the page of mq web.

import type { GraphNode } from '../../../topology/graph.ts';
import { layout, type PlacedEdge, type PlacedNode } from '../../../topology/layout.ts';
import { type DrawnVhost, nameOf, notesOf, printable } from './drawn-vhost.ts';

const margin = 16;
const titleHeight = 28;
/** Estimated width of a character of a name and of a note. */
const letter = { name: 7.6, note: 5.6 };

/** Returns a document with the vhosts one below the other. Colours follow the light or dark scheme of the reader. */
export function svgOf(vhosts: readonly DrawnVhost[]): string {
  let [top, width] = [margin, 0];
  const parts = vhosts.map(({ vhost, against, graph }) => {
    const drawn = layout(graph, noteOf);
    const title = `vhost ${vhost} of ${against}`;
    const part = [
      `<g transform="translate(${margin} ${top})">`,
      `<text class="title" y="12">${xml(title)}</text>`,
      `<g transform="translate(0 ${titleHeight})">`,
      ...drawn.edges.map(edgeSvg),
      ...drawn.edges.map(labelSvg),
      ...drawn.nodes.map(nodeSvg),
      '</g></g>',
    ].join('\n');
    top += drawn.height + titleHeight + margin;
    width = Math.max(width, drawn.width, title.length * letter.name);
    return part;
  });
  const [w, h] = [Math.ceil(width + 2 * margin), Math.ceil(top)];
  const size = `viewBox="0 0 ${w} ${h}" width="${w}" height="${h}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n${head}\n${parts.join('\n')}\n</svg>\n`;
}

const head = `<style>
:root { --text: #1f2937; --soft: #6b7280; --card: #fff; --exchange: #7c3aed; --queue: #0369a1; --bad: #b91c1c; --foreign: #b45309; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e5e7eb; --soft: #9ca3af; --card: #111827; --exchange: #a78bfa; --queue: #38bdf8; --bad: #f87171; --foreign: #fbbf24; }
}
svg { background: var(--card); font-family: system-ui, sans-serif; }
text { fill: var(--text); font-size: 13px; }
.title, .name { font-weight: 600; }
.note { fill: var(--soft); font-size: 11px; }
.keys { font: 11px ui-monospace, monospace; text-anchor: middle; dominant-baseline: middle; paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
rect { fill: var(--card); stroke: var(--soft); stroke-width: 1.2; }
.exchange rect { stroke: var(--exchange); }
.queue rect { stroke: var(--queue); }
.missing rect, .missing path, .dead-letter path, .alternate path { stroke-dasharray: 5 4; }
.foreign rect { stroke: var(--foreign); stroke-width: 2.4; }
.edge path { fill: none; stroke: var(--soft); stroke-width: 1.3; }
.dead-letter path, .alternate path { stroke: var(--bad); }
.foreign path { stroke: var(--foreign); stroke-width: 2; }
marker path { fill: var(--soft); }
</style>
<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0.5L7.5,4L0,7.5Z"/></marker></defs>`;

function nodeSvg(node: PlacedNode): string {
  const { kind, state, x, y, width, height } = node;
  const radius = kind === 'queue' ? 4 : kind === 'exchange' ? height / 2 : 10;
  const inset = kind === 'exchange' ? 18 : 12;
  const room = width - inset - 10;
  const note = noteOf(node);
  const text = (line: string, { at, size, of }: { at: number; size: number; of: string }) =>
    `<text class="${of}" x="${x + inset}" y="${y + at}">${xml(shortened(line, Math.floor(room / size)))}</text>`;
  return [
    `<g class="node ${kind} ${state ?? ''}">`,
    `<title>${xml(`${kind} ${nameOf(node)}${note === '' ? '' : `: ${note}`}`)}</title>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"/>`,
    text(nameOf(node), { at: 18, size: letter.name, of: 'name' }),
    text(note, { at: 34, size: letter.note, of: 'note' }),
    '</g>',
  ].join('');
}

/** A publication and a subscription have the same shape, so a text distinguishes them if no role does. */
function noteOf(node: GraphNode): string {
  return notesOf(node).join(', ') || node.kind;
}

function edgeSvg({ kind, keys, path, state }: PlacedEdge): string {
  const title = keys.length > 0 ? keys.join(' ') : kind;
  return `<g class="edge ${kind} ${state ?? ''}"><title>${xml(title)}</title><path d="${path}" marker-end="url(#arrow)"/></g>`;
}

function labelSvg({ label }: PlacedEdge): string {
  return label === undefined ? '' : `<text class="keys" x="${label.x}" y="${label.y}">${xml(label.text)}</text>`;
}

function shortened(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, Math.max(0, longest - 1))}…`;
}

function xml(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
