// Finds the name that a user probably meant, for "did you mean".

import { distance } from 'fastest-levenshtein';

/**
 * Returns the most similar name, or `undefined` if no name is similar. Upper and lower case count as equal.
 * @param limit maximum number of typing errors; by default it depends on the length of the name
 */
export function nearest(typed: string, names: readonly string[], limit?: number): string | undefined {
  const word = typed.toLowerCase();
  let near: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const changes = changesBetween(word, name.toLowerCase());
    // If all letters differ, it is a different word.
    const most = Math.min(Math.max(word.length, name.length) - 1, limit ?? Math.max(2, Math.floor(name.length / 3)));
    if (changes > most || changes >= least) continue;
    near = name;
    least = changes;
  }
  return near;
}

/**
 * Returns the Levenshtein distance, or less than 1 for two swapped neighbouring letters, the most likely typing error.
 */
function changesBetween(typed: string, name: string): number {
  const at = [...name].findIndex((letter, index) => letter !== typed[index]);
  const swapped = `${name.slice(0, at)}${name[at + 1]}${name[at]}${name.slice(at + 2)}`;
  return at !== -1 && typed === swapped ? 0.5 : distance(typed, name);
}
