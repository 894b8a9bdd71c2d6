// The entry point of the executable: starts the main piece. The scripts are assets of the executable.

import { getRawAsset } from 'node:sea';
import { joinedName } from './scripts.ts';
import { startPieces } from './start-pieces.ts';

const joined: Record<string, string> = JSON.parse(text(joinedName));

startPieces({
  scriptOf: (piece) => joined[piece] ?? piece,
  source: text,
  codeCache: (script) => {
    try {
      return bytes(`${script}.cache`);
    } catch {
      return undefined; // an executable that was built on another platform has no code cache
    }
  },
  builtin: require,
});

function text(name: string): string {
  // A TextDecoder, which `getAsset` uses, would be one more module to load.
  return bytes(name).toString();
}

/** Returns an asset without copying it. Throws if it does not exist. */
function bytes(name: string): Buffer {
  return Buffer.from(getRawAsset(name));
}
