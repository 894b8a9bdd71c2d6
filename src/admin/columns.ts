// Parses the requested columns, and reads their values.

import { isObject } from '../config/plain.ts';
import type { Call } from './action.ts';
import type { ApiObject } from './json.ts';

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
  if (names.length === 0) throw usage('--columns names no column');
  return names;
}

/** Returns the value at a path. `message_stats.publish` is inside `message_stats`. */
export function valueAt(item: ApiObject, path: string): unknown {
  if (Object.hasOwn(item, path)) return item[path];
  let value: unknown = item;
  for (const part of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

/** Returns the object without the fields. */
export function without(item: ApiObject, hidden: readonly string[]): ApiObject {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !hidden.includes(name)));
}
