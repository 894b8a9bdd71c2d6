// The entry point of the executable: starts the main piece. The pieces are assets of the executable.

import { getAsset, getRawAsset } from 'node:sea';
import { startPieces } from './start-pieces.ts';

startPieces({
  source: (name) => getAsset(name, 'utf8'),
  codeCache: (name) => {
    try {
      return new Uint8Array(getRawAsset(`${name}.cache`) as ArrayBuffer);
    } catch {
      return undefined; // built on another platform
    }
  },
  builtin: require,
});
