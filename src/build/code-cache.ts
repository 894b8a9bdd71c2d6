// V8's code cache of every piece. It is valid for the very Node that runs this file, on this platform only.

import { createRequire } from 'node:module';
import type { Script } from 'node:vm';
import { compile, mainPiece, openPieces, type PieceSource, type Pieces } from './pieces.ts';

/** Name → code cache. Every piece but the main one is run first, so that the cache holds the functions that it called. */
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
