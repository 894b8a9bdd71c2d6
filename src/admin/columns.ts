// Parses the requested columns.

import type { Call } from './action.ts';

/**
 * Returns the columns of --columns, or `undefined` if the option is not given. Throws USAGE if it contains no column.
 */
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
