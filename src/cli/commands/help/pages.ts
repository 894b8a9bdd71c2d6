// Returns the pages of .github/docs by topic. In the executable, the build has inserted their texts
// (src/build/manual.ts). In the sources, this file reads them.

import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Returns the Markdown of each page, in the order of the topics. */
export function pages(): Readonly<Record<string, string>> {
  const folder = join(import.meta.dirname, '../../../../.github/docs');
  const files = globSync('{*,guides/*}.md', { cwd: folder });
  const read = (file: string) => [basename(file, '.md'), readFileSync(join(folder, file), 'utf8')] as const;
  return Object.fromEntries(files.map(read).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
