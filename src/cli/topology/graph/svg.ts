// Draws the graph as SVG with the layout of the page of mq web.

import type { GraphNode } from '../../../topology/graph.ts';
import { layout, type PlacedEdge, type PlacedNode, textWidth } from '../../../topology/layout.ts';
import { type DrawnVhost, nameOf, notesOf, printable } from './drawn-vhost.ts';

const margin = 16;
const titleHeight = 28;
/** The width of a note, relative to the same text as a name. */
const noteSize = 0.74;

interface Colors {
  readonly text: string;
  readonly soft: string;
  readonly card: string;
  readonly exchange: string;
  readonly queue: string;
  readonly bad: string;
  readonly foreign: string;
}

const light: Colors = {
  ...{ text: '#1f2937', soft: '#6b7280', card: '#ffffff' },
  ...{ exchange: '#7c3aed', queue: '#0369a1', bad: '#b91c1c', foreign: '#b45309' },
};
const dark: Colors = {
  ...{ text: '#e5e7eb', soft: '#9ca3af', card: '#111827' },
  ...{ exchange: '#a78bfa', queue: '#38bdf8', bad: '#f87171', foreign: '#fbbf24' },
};

/**
 * Returns a document with the vhosts one below the other. The colours are attributes, because many viewers other than
 * browsers ignore CSS. In a browser they follow the light or dark scheme of the reader.
 */
export function svgOf(vhosts: readonly DrawnVhost[]): string {
  let [top, width] = [margin, 0];
  const parts = vhosts.map(({ vhost, against, graph }) => {
    const drawn = layout(graph, noteOf);
    const title = `vhost ${vhost} of ${against}`;
    const part = [
      `<g transform="translate(${margin} ${top})">`,
      `<text class="title" y="12" fill="${light.text}" font-weight="600">${xml(title)}</text>`,
      `<g transform="translate(0 ${titleHeight})">`,
      ...drawn.edges.map(edgeSvg),
      ...drawn.edges.map(labelSvg),
      ...drawn.nodes.map(nodeSvg),
      '</g></g>',
    ].join('\n');
    top += drawn.height + titleHeight + margin;
    width = Math.max(width, drawn.width, textWidth(title));
    return part;
  });
  const [w, h] = [Math.ceil(width + 2 * margin), Math.ceil(top)];
  const size = `viewBox="0 0 ${w} ${h}" width="${w}" height="${h}"`;
  const font = 'font-family="system-ui, sans-serif" font-size="13"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font}>\n${head}\n${parts.join('\n')}\n</svg>\n`;
}

const markers = [light.soft, light.bad, light.foreign].map(
  (color) =>
    `<marker id="${arrowOf(color)}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0.5L7.5,4L0,7.5Z" fill="${color}"/></marker>`,
);
const head = `<style>
@media (prefers-color-scheme: dark) {
${darkRules().join('\n')}
}
</style>
<defs>${markers.join('')}</defs>
<rect width="100%" height="100%" fill="${light.card}"/>`;

function arrowOf(color: string): string {
  return `arrow-${color.slice(1)}`;
}

function darkRules(): string[] {
  const names = ['text', 'soft', 'card', 'exchange', 'queue', 'bad', 'foreign'] as const;
  return names.flatMap((name) =>
    ['fill', 'stroke'].map((what) => `  [${what}="${light[name]}"] { ${what}: ${dark[name]}; }`),
  );
}

function nodeSvg(node: PlacedNode): string {
  const { kind, state, x, y, width, height } = node;
  const radius = kind === 'queue' ? 4 : kind === 'exchange' ? height / 2 : 10;
  const inset = kind === 'exchange' ? 18 : 12;
  const note = noteOf(node);
  const room = width - inset - 10;
  const boxOf = (wide: number) => `x="${x}" y="${y}" width="${wide}" height="${height}"`;
  return [
    `<g class="node ${kind} ${state ?? ''}">`,
    `<title>${xml(`${kind} ${nameOf(node)}${note === '' ? '' : `: ${note}`}`)}</title>`,
    `<rect ${boxOf(width)} rx="${radius}" fill="${light.card}" ${borderOf(node)}/>`,
    // The inner document clips a text that is wider than its estimate, in the font of another machine.
    `<svg ${boxOf(width - 6)}>`,
    `<text class="name" x="${inset}" y="18" fill="${light.text}" font-weight="600">${xml(shortened(nameOf(node), room))}</text>`,
    `<text class="note" x="${inset}" y="34" fill="${light.soft}" font-size="11">${xml(shortened(note, room / noteSize))}</text>`,
    '</svg></g>',
  ].join('');
}

function borderOf({ kind, state }: PlacedNode): string {
  if (state === 'foreign') return stroke(light.foreign, 2.4, false);
  const color = kind === 'exchange' ? light.exchange : kind === 'queue' ? light.queue : light.soft;
  return stroke(color, 1.2, state === 'missing');
}

function stroke(color: string, width: number, isDashed: boolean): string {
  return `stroke="${color}" stroke-width="${width}"${isDashed ? ' stroke-dasharray="5 4"' : ''}`;
}

/** A publication and a subscription have the same shape, so a text distinguishes them if no role does. */
function noteOf(node: GraphNode): string {
  return notesOf(node).join(', ') || node.kind;
}

function edgeSvg({ kind, keys, path, state }: PlacedEdge): string {
  const title = keys.length > 0 ? keys.join(' ') : kind;
  const isDotted = kind === 'dead-letter' || kind === 'alternate';
  const color = state === 'foreign' ? light.foreign : isDotted ? light.bad : light.soft;
  const line = stroke(color, state === 'foreign' ? 2 : 1.3, isDotted || state === 'missing');
  return [
    `<g class="edge ${kind} ${state ?? ''}"><title>${xml(title)}</title>`,
    `<path d="${path}" fill="none" ${line} marker-end="url(#${arrowOf(color)})"/></g>`,
  ].join('');
}

/** Draws the keys on a background that separates them from the lines. */
function labelSvg({ label }: PlacedEdge): string {
  if (label === undefined) return '';
  const { text, x, y, width } = label;
  return [
    `<rect x="${x - width / 2 - 2}" y="${y - 7}" width="${width + 4}" height="14" fill="${light.card}" fill-opacity="0.8"/>`,
    `<text class="keys" x="${x}" y="${y + 4}" fill="${light.text}" font-family="ui-monospace, monospace" font-size="11"`,
    ` text-anchor="middle">${xml(text)}</text>`,
  ].join('');
}

/** Returns the text, shortened so that its estimated width is at most `room` pixels. */
function shortened(text: string, room: number): string {
  if (textWidth(text) <= room) return text;
  const characters = Array.from(text);
  while (characters.length > 0 && textWidth(`${characters.join('')}…`) > room) characters.pop();
  return `${characters.join('')}…`;
}

function xml(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
