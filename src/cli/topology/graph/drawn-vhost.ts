// The graph of one vhost that mq graph prints, and the words that all its formats share.

import { escaped } from '../../../errors.ts';
import type { Graph, GraphNode, GraphState } from '../../../topology/graph.ts';

/** A row of `--format json`. */
export interface DrawnVhost {
  /** Name of the vhost: on the broker with --live, otherwise in rascal.json. */
  readonly vhost: string;
  /** Name of the file, or address of the broker without user and password. */
  readonly against: string;
  readonly graph: Graph;
}

const stateTexts: Readonly<Record<GraphState, string>> = { missing: 'missing', foreign: 'not in rascal.json' };

export function stateText(state: GraphState): string {
  return stateTexts[state];
}

/** Returns `(default)` for the exchange without a name. */
export function nameOf({ name }: GraphNode): string {
  return name === '' ? '(default)' : name;
}

/** Returns text that XML and Graphviz accept: no control characters, no lone surrogates and no noncharacters. */
export function printable(text: string): string {
  return escaped(text.toWellFormed()).replace(/[\ufffe\uffff]/g, '\ufffd');
}

/** Returns what a node is, in a few short texts: its type, roles, counts and state. */
export function notesOf(node: GraphNode): string[] {
  const { kind, type, roles = [], isOwn, isMade, members, state } = node;
  return [
    ...(type === undefined ? [] : [type]),
    ...(state === undefined ? [] : [stateTexts[state]]),
    ...(isOwn ? ['one for each consumer'] : []),
    ...(isMade && members === undefined ? ['dead letters'] : []),
    ...(members === undefined ? [] : [`${members} ${members === 1 ? kind : `${kind}s`}`]),
    ...roles.map((role) => `mq ${role}`),
    ...countTexts(node),
  ];
}

function countTexts({ counts = {} }: GraphNode): string[] {
  const { messages, unacknowledged = 0, consumers, publishRate = 0, deliverRate = 0 } = counts;
  const rate = (value: number) => (value < 10 ? Math.round(value * 10) / 10 : Math.round(value));
  return [
    ...(messages === undefined ? [] : [`${messages - unacknowledged} ready`]),
    ...(unacknowledged > 0 ? [`${unacknowledged} unacked`] : []),
    ...(consumers === undefined ? [] : [`${consumers} consumer${consumers === 1 ? '' : 's'}`]),
    ...(publishRate > 0 || deliverRate > 0 ? [`${rate(publishRate)}/s in`, `${rate(deliverRate)}/s out`] : []),
  ];
}

/** Maximum number of keys at an edge of a drawing. */
const mostKeys = 3;

/** Returns the keys at an edge of a drawing, and the number of further keys. */
export function keysText(keys: readonly string[]): string {
  const shown = keys.filter((key) => key !== '');
  const more = shown.length - mostKeys;
  return [...shown.slice(0, mostKeys), ...(more > 0 ? [`+${more}`] : [])].join(' ');
}
