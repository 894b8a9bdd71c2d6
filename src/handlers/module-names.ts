// What an import of a user's module may leave out, because bundlers and TypeScript let it be left out: the ending of a file
// (`./orders`, or `./orders.js` where there is orders.ts), and that a .json is JSON.

import { statSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The specifier of the file that a relative one stands for, undefined where there is none. `parent` is a URL. */
export function spelledOut(specifier: string, parent: string, isRequire: boolean): string | undefined {
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
