// The columns that were asked for.

import type { Call } from './action.ts';

/** Those of --columns; undefined: it is not given. Throws USAGE where it names none. */
export function columnsOf({ text, usage }: Pick<Call, 'text' | 'usage'>): readonly string[] | undefined {
  const typed = text('columns');
  if (typed === undefined) return undefined;
  const names = typed
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw usage('--columns is empty');
  return names;
}
