// Creates V8's code cache of every piece. It is valid only for the Node that runs this file, on this platform.

import { createRequire } from 'node:module';
import type { Script } from 'node:vm';
import { compile, mainPiece, openPieces, type PieceSource, type Pieces } from './pieces.ts';

/**
 * Returns the code caches by name. Every piece except the main one runs first, so that the cache contains the functions
 * that it called.
 */
export function codeCaches(pieces: Pieces): Map<string, Uint8Array> {
  const from: PieceSource = {
    source: (name) => {
      const source = pieces.get(name);
      if (source === undefined) throw new Error(`the bundle lacks ./${name}, which one of its packages requires`);
      return source;
    },
    codeCache: () => undefined,
    builtin: createRequire(import.meta.url),
  };
  const scripts = new Map<string, Script>();
  const load = openPieces(from, scripts);
  for (const name of pieces.keys()) if (name !== mainPiece) load(name);
  scripts.set(mainPiece, compile(mainPiece, from));
  return new Map([...scripts].map(([name, script]) => [name, script.createCachedData()]));
}
