// Formats the graph as lists for a terminal: each object with the edges that leave it.

import { escaped } from '../../../errors.ts';
import { wrapped } from '../../../terminal/wrap.ts';
import type { Graph, GraphEdge, GraphNode, NodeKind } from '../../../topology/graph.ts';
import { type DrawnVhost, nameOf, notesOf, stateText } from './drawn-vhost.ts';

/** Maximum number of keys in a line. `--format json` has all of them. */
const mostKeys = 6;

/** Returns lines of at most `width` columns, if no word is longer. */
export function textOf(vhosts: readonly DrawnVhost[], width: number): string {
  return vhosts.map((one) => vhostText(one, width)).join('\n');
}

function vhostText({ vhost, against, graph }: DrawnVhost, width: number): string {
  const kinds: readonly NodeKind[] = ['publication', 'exchange', 'queue', 'subscription'];
  const counts = kinds.flatMap((kind) => {
    const count = graph.nodes.filter((one) => one.kind === kind).reduce((sum, { members = 1 }) => sum + members, 0);
    return count === 0 ? [] : [`${count} ${kind}${count === 1 ? '' : 's'}`];
  });
  const lines = [`vhost ${escaped(vhost)} of ${escaped(against)}: ${counts.join(', ') || 'empty'}`];
  const blocks = kinds
    .flatMap((kind) => graph.nodes.filter((one) => one.kind === kind))
    .map((one) => block(graph, one));
  let isSpaced = true;
  for (const [head = '', ...edges] of blocks) {
    // Objects without edges form one block.
    if (edges.length > 0 || isSpaced) lines.push('');
    isSpaced = edges.length > 0;
    lines.push(wrapped(head, { width, indent: 4 }));
    for (const edge of edges)
      lines.push(`  ${wrapped(edge, { width: width - 2, indent: 4 }).replaceAll('\n', '\n  ')}`);
  }
  return `${lines.join('\n')}\n`;
}

function block({ nodes, edges }: Graph, node: GraphNode): string[] {
  const notes = notesOf(node).map(escaped).join(', ');
  const ends = new Map(nodes.map((one) => [one.id, one]));
  const own = edges.filter(({ from }) => from === node.id);
  const head = `${node.kind} ${escaped(nameOf(node))}${notes === '' ? '' : ` (${notes})`}`;
  return [head, ...own.map((edge) => edgeText(edge, ends.get(edge.to)))];
}

function edgeText({ kind, keys, state, isByRole }: GraphEdge, to: GraphNode | undefined): string {
  const words: Readonly<Record<GraphEdge['kind'], string>> = {
    publish: '',
    bind: '',
    consume: '',
    'dead-letter': isByRole ? 'failed messages ' : 'dead letters ',
    alternate: 'unroutable messages ',
  };
  const shown = keys.slice(0, mostKeys).map((key) => (key === '' ? '(no key)' : escaped(key)));
  const more = keys.length > mostKeys ? ` +${keys.length - mostKeys}` : '';
  const key = shown.length === 0 ? '' : `  [${shown.join(', ')}${more}]`;
  const target = to === undefined ? '' : `${to.kind} ${escaped(nameOf(to))}${groupText(to)}`;
  return `${words[kind]}-> ${target}${key}${state === undefined ? '' : `  (${stateText(state)})`}`;
}

/** Several groups may have the same prefix, so the text names what distinguishes them. */
function groupText({ members, type, state }: GraphNode): string {
  if (members === undefined) return '';
  const parts = [...(type === undefined ? [] : [type]), ...(state === undefined ? [] : [stateText(state)])];
  return parts.length === 0 ? '' : ` (${parts.map(escaped).join(', ')})`;
}
