// Formats the graph for Graphviz (https://graphviz.org/doc/info/lang.html).

import type { GraphEdge, NodeKind } from '../../../topology/graph.ts';
import { type DrawnVhost, keysText, nameOf, notesOf, printable } from './drawn-vhost.ts';

const shapes: Readonly<Record<NodeKind, string>> = {
  publication: 'cds',
  exchange: 'ellipse',
  queue: 'box',
  subscription: 'note',
};
const foreignColor = '#b45309';

export function dotOf(vhosts: readonly DrawnVhost[]): string {
  const lines = ['digraph mq {', '  rankdir=LR;', '  node [fontname="sans-serif"]; edge [fontname="sans-serif"];'];
  for (const [index, { vhost, graph }] of vhosts.entries()) {
    const ids = new Map(graph.nodes.map(({ id }, at) => [id, `v${index}n${at}`]));
    lines.push(`  subgraph cluster_${index} {`, `    label=${quoted([`vhost ${vhost}`])};`);
    for (const node of graph.nodes) {
      const attributes = [
        `label=${quoted([nameOf(node), notesOf(node).join(', ')])}`,
        `shape=${shapes[node.kind]}`,
        ...(node.state === 'missing' ? ['style=dashed'] : []),
        ...(node.state === 'foreign' ? [`color="${foreignColor}"`, 'penwidth=2'] : []),
      ];
      lines.push(`    ${ids.get(node.id)} [${attributes.join(', ')}];`);
    }
    for (const edge of graph.edges)
      lines.push(`    ${ids.get(edge.from)} -> ${ids.get(edge.to)} [${edgeAttributes(edge).join(', ')}];`);
    lines.push('  }');
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

function edgeAttributes({ kind, keys, state }: GraphEdge): string[] {
  const isDotted = kind === 'dead-letter' || kind === 'alternate';
  return [
    `label=${quoted([isDotted ? kind : '', keysText(keys)])}`,
    ...(state === 'missing' ? ['style=dashed'] : isDotted ? ['style=dotted'] : []),
    ...(state === 'foreign' ? [`color="${foreignColor}"`, 'penwidth=2'] : []),
  ];
}

/** Returns a quoted text of several lines. In a label, Graphviz interprets a backslash and an HTML entity. */
function quoted(lines: readonly string[]): string {
  const texts = lines
    .filter((line) => line !== '')
    .map((line) => printable(line).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('&', '&amp;'));
  return `"${texts.join('\\n')}"`;
}
