// Formats the graph as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html).

import type { GraphEdge, NodeKind } from '../../../topology/graph.ts';
import { type DrawnVhost, keysText, nameOf, notesOf, printable } from './drawn-vhost.ts';

const shapes: Readonly<Record<NodeKind, readonly [open: string, close: string]>> = {
  publication: ['>', ']'],
  exchange: ['([', '])'],
  queue: ['[', ']'],
  subscription: ['[/', '/]'],
};

/** Returns a flowchart. Ids are numbers, because a name such as `end` is a keyword. */
export function mermaidOf(vhosts: readonly DrawnVhost[]): string {
  const lines = ['flowchart LR'];
  let links = 0;
  for (const [index, { vhost, graph }] of vhosts.entries()) {
    const ids = new Map(graph.nodes.map(({ id }, at) => [id, `v${index}n${at}`]));
    const end = (id: string) => ids.get(id) ?? '';
    lines.push(`  subgraph v${index}[${quoted([`vhost ${vhost}`])}]`);
    for (const node of graph.nodes) {
      const [open, close] = shapes[node.kind];
      const mark = node.state === undefined ? '' : `:::${node.state}`;
      lines.push(`    ${end(node.id)}${open}${quoted([nameOf(node), notesOf(node).join(', ')])}${close}${mark}`);
    }
    lines.push('  end');
    for (const edge of graph.edges) {
      lines.push(`  ${end(edge.from)} ${arrowOf(edge)} ${end(edge.to)}`);
      if (edge.state === 'foreign') lines.push(`  linkStyle ${links} ${foreignStyle}`);
      links += 1;
    }
  }
  return `${[...lines, '  classDef missing stroke-dasharray:5 5', `  classDef foreign ${foreignStyle}`].join('\n')}\n`;
}

const foreignStyle = 'stroke:#b45309,stroke-width:2px';

function arrowOf({ kind, keys, state }: GraphEdge): string {
  const isDashed = state === 'missing' || kind === 'dead-letter' || kind === 'alternate';
  const text = kind === 'dead-letter' || kind === 'alternate' ? [kind, keysText(keys)] : [keysText(keys)];
  const label = text.filter((part) => part !== '').join(' ');
  return `${isDashed ? '-.->' : '-->'}${label === '' ? '' : `|${quoted([label])}|`}`;
}

/**
 * Returns a quoted text of several lines. All characters with a meaning for Mermaid, Markdown or HTML become entities. Mermaid
 * makes a new line of a backslash and an n, and a formula of what is between two dollar signs and two others, even then. So
 * a space without width separates them.
 */
function quoted(lines: readonly string[]): string {
  const texts = lines
    .filter((line) => line !== '')
    .map((line) => entities(printable(line).replace(/\\(?=n)|\$(?=\$)/g, '$&\u200b')));
  return `"${texts.join('<br/>')}"`;
}

/** Mermaid removes the last semicolon of a line after the words `style` and `classDef`, so they become entities, too. */
function entities(text: string): string {
  const isPlain = /[\p{L}\p{N} ,:/()]/u;
  // A dot after a number, and a dash at the start, begin a list in Markdown. Mermaid trims spaces.
  const isInner = (character: string, at: number) => /[._-]/.test(character) && at > 0 && !/^\d+\.(\s|$)/.test(text);
  return Array.from(text, (character, at) => {
    const isEnd = at === 0 || at === text.length - 1;
    if (character === ' ' ? !isEnd : isPlain.test(character) || isInner(character, at)) return character;
    return `#${character.codePointAt(0)};`;
  })
    .join('')
    .replace(/s(?=tyle)|c(?=lassDef)/g, (letter) => `#${letter.codePointAt(0)};`);
}
