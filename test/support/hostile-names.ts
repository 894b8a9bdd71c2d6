// Makes graphs whose names and keys contain characters and words with a meaning for Mermaid, Graphviz, Markdown or XML.

import type { Graph, GraphNode } from '../../src/topology/graph.ts';
import type { Random } from './random.ts';

const parts = [
  ...[
    '"',
    "'",
    '\n',
    '\t',
    ' ',
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    '<',
    '>',
    '|',
    '/',
    '\\',
    '\\N',
    '\\n',
    '&',
    '#',
    ';',
    '`',
  ],
  ...[
    '*',
    '**',
    '_',
    '__',
    '-',
    '- ',
    '+ ',
    '1. ',
    '.',
    '%%',
    '$$',
    '~~~',
    '^',
    '@{',
    ':::x',
    '-->',
    '---',
    '=',
    ',',
    ':',
  ],
  ...['&amp;', '&lt;', '#35;', '#quot;', '<b>', '<br/>', '<!--', '-->', ']]>', '${x}', 'javascript:', 'http://x.y/z'],
  ...[
    'end',
    'subgraph',
    'graph',
    'click',
    'style',
    'class',
    'node',
    'digraph',
    'strict',
    'TD',
    'x',
    'o',
    'orders',
    '0',
  ],
  ...['é', '日本', '😀', 'ß', '\u0007', '\u001b[31m', '\u202e', '\u00a0', '\ud800', '\uffff'],
];

export function hostileName(random: Random): string {
  return Array.from({ length: 1 + random.below(4) }, () => random.pick(parts)).join('');
}

/** Returns a graph with this number of nodes of all kinds, states and counts. */
export function hostileGraph(random: Random, size: number): Graph {
  const nodes = Array.from({ length: size }, (_, at): GraphNode => {
    const state = random.pick([undefined, 'missing', 'foreign'] as const);
    return {
      id: `n${at}`,
      kind: random.pick(['publication', 'exchange', 'queue', 'subscription'] as const),
      name: hostileName(random),
      ...(random.chance(0.5) && { type: hostileName(random) }),
      ...(state !== undefined && { state }),
      ...(random.chance(0.3) && { counts: { messages: random.below(9), consumers: 1 } }),
    };
  });
  const edges = Array.from({ length: size }, () => ({
    from: random.pick(nodes).id,
    to: random.pick(nodes).id,
    kind: random.pick(['publish', 'bind', 'consume', 'dead-letter', 'alternate'] as const),
    keys: Array.from({ length: random.below(5) }, () => hostileName(random)),
  }));
  return { nodes, edges };
}
