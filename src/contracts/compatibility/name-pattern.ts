// Tests property names with the patterns of `patternProperties`.

import { compilePattern } from '../patterns.ts';

type NameTest = (name: string) => boolean;

const patterns = new Map<string, NameTest | undefined>();

/** Reports whether a name matches a pattern. Returns `undefined` for a pattern that cannot be compiled. */
export function isMatch(pattern: string, name: string): boolean | undefined {
  if (!patterns.has(pattern)) patterns.set(pattern, compiled(pattern));
  return patterns.get(pattern)?.(name);
}

function compiled(pattern: string): NameTest | undefined {
  try {
    return compilePattern(pattern).test;
  } catch {
    return undefined;
  }
}
