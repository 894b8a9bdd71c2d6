// Tests property names with the patterns of `patternProperties`.

/**
 * Reports whether a name matches a pattern. Returns `undefined` for a pattern that is invalid, or that could need
 * exponential time.
 */
export function isMatch(pattern: string, name: string): boolean | undefined {
  const quantifiers = pattern.match(/[*+?{]/g)?.length ?? 0;
  if (quantifiers > 1 || (quantifiers === 1 && pattern.includes('|'))) return undefined;
  try {
    return new RegExp(pattern, 'u').test(name);
  } catch {
    return undefined;
  }
}
