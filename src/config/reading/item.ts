// Represents a value of rascal.json together with its position in the file.

import type { Path } from './problem.ts';

interface Place {
  readonly path: Path;
  readonly offset: number;
}

/** A value with its position. `written` is the text in the file before `${NAME}` is replaced. */
export type LocatedValue =
  | (Place & { readonly kind: 'null'; readonly value: null })
  | (Place & { readonly kind: 'boolean'; readonly value: boolean; readonly written?: string })
  | (Place & { readonly kind: 'number'; readonly value: number; readonly written?: string })
  | (Place & { readonly kind: 'string'; readonly value: string; readonly written: string })
  | (Place & { readonly kind: 'array'; readonly elements: readonly LocatedValue[] })
  | (Place & { readonly kind: 'object'; readonly entries: readonly Member[] });

export interface Member {
  readonly key: string;
  readonly keyOffset: number;
  readonly value: LocatedValue;
}

/** Returns the plain value without positions. */
export function plainOf(item: LocatedValue): unknown {
  if (item.kind === 'array') return item.elements.map(plainOf);
  if (item.kind === 'object') return Object.fromEntries(item.entries.map(({ key, value }) => [key, plainOf(value)]));
  return item.value;
}

/** Returns the offset of the value at the path, or of the nearest enclosing value. */
export function offsetAt(item: LocatedValue, [step, ...rest]: Path): number {
  const child =
    item.kind === 'array' && typeof step === 'number'
      ? item.elements[step]
      : item.kind === 'object'
        ? item.entries.findLast(({ key }) => key === step)?.value
        : undefined;
  return child === undefined ? item.offset : offsetAt(child, rest);
}
