// The first code that runs in the executable: starts the main piece. The pieces are assets of the executable.

import { getAsset, getRawAsset } from 'node:sea';
import { mainPiece, openPieces } from './pieces.ts';

// What Node still calls experimental: a piece's import() of a user's file, and to look for a syntax error in its types.
const taken = /^(vm\.USE_MAIN_CONTEXT_DEFAULT_LOADER|stripTypeScriptTypes) /;
const { emitWarning } = process;
process.emitWarning = ((warning: string | Error, ...rest: []) => {
  if (!taken.test(String(warning))) emitWarning(warning, ...rest);
}) as typeof emitWarning;

const load = openPieces({
  source: (name) => getAsset(name, 'utf8'),
  codeCache: (name) => {
    try {
      return new Uint8Array(getRawAsset(`${name}.cache`) as ArrayBuffer);
    } catch {
      return undefined; // made on another platform
    }
  },
  builtin: require,
});
load(mainPiece);
