// The entry point of the executable: starts the main piece. The pieces are assets of the executable.

import { getAsset, getRawAsset } from 'node:sea';
import { startPieces } from './start-pieces.ts';

startPieces({
  source: (name) => getAsset(name, 'utf8'),
  codeCache: (name) => {
    try {
      const asset = getRawAsset(`${name}.cache`);
      return asset instanceof ArrayBuffer ? new Uint8Array(asset) : undefined;
    } catch {
      return undefined; // an executable that was built on another platform has no code cache
    }
  },
  builtin: require,
});
