// Describes what a binding matches: its key, or its arguments if the exchange compares headers.

import type { Plain } from '../config/plain.ts';

interface MatchedBinding {
  /** Type of the source. */
  readonly type: string | undefined;
  readonly key: string;
  readonly arguments: Plain;
}

/**
 * Returns the key of the binding, and its arguments for a headers exchange: `format=pdf;size=2;x-match=any`. Returns
 * `undefined` for a fanout exchange, because the exchange ignores both.
 */
export function matchText({ type, key, arguments: all }: MatchedBinding): string | undefined {
  if (type === 'fanout') return undefined;
  if (type !== 'headers') return key;
  // The mode is the last one, because a short label of a drawing shows the start.
  const isMode = (name: string) => name === 'x-match';
  const names = Object.keys(all).toSorted(
    (one, other) => Number(isMode(one)) - Number(isMode(other)) || order(one, other),
  );
  const parts = names.map((name) => `${name}=${typeof all[name] === 'string' ? all[name] : JSON.stringify(all[name])}`);
  return parts.length === 0 ? '(any headers)' : parts.join(';');
}

function order(one: string, other: string): number {
  return one < other ? -1 : 1;
}
