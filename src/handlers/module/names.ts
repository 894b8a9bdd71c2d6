// Resolves imports of a user's module that bundlers and TypeScript also accept: without the file extension
// (`./orders`), or with `.js` when the file is orders.ts.

import { statSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Returns the specifier with the extension of an existing file: a URL, or a path for `require`. Returns `undefined` if
 * no such file exists. `parent` is the URL of the importing file.
 */
export function withExtension(specifier: string, parent: string, isRequire: boolean): string | undefined {
  if (!/^\.{0,2}\//.test(specifier)) return undefined;
  const path = fileURLToPath(new URL(specifier, parent));
  const found = [...namesOf(path)].find(isFile);
  if (found === undefined) return undefined;
  return isRequire ? found : pathToFileURL(found).href;
}

function* namesOf(path: string): Generator<string> {
  const [, stem, letter] = /^(.*)\.([cm]?)js$/s.exec(path) ?? [];
  if (stem !== undefined) yield `${stem}.${letter}ts`;
  for (const ending of ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs']) yield path + ending;
  for (const name of ['index.ts', 'index.js']) yield `${path.replace(/[\\/]$/, '')}/${name}`;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
