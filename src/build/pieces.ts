// Runs pieces. Each is a CommonJS module that is compiled when it is first required, from its code cache if there is
// one.

import { constants, Script } from 'node:vm';

/** CommonJS sources by name. Pieces `require` each other as `./name`. */
export type Pieces = ReadonlyMap<string, string>;

/** Name of the piece that runs first. */
export const mainPiece = 'main.js';

export interface PieceSource {
  readonly source: (name: string) => string;
  /** Returns V8's code cache of the piece, or `undefined`. */
  readonly codeCache: (name: string) => Uint8Array | undefined;
  /** Returns one of Node's own modules. */
  readonly builtin: (name: string) => unknown;
}

/** Returns a function that requires a piece by its name. Compiled pieces are added to `scripts`. */
export function openPieces(from: PieceSource, scripts?: Map<string, Script>): (name: string) => unknown {
  const loaded = new Map<string, { exports: unknown }>();
  return load;

  function load(name: string): unknown {
    const known = loaded.get(name);
    if (known) return known.exports;
    const module: { exports: unknown } = { exports: {} };
    loaded.set(name, module);
    const script = compile(name, from);
    scripts?.set(name, script);
    script.runInThisContext()(module.exports, require, module);
    return module.exports;
  }

  function require(name: string): unknown {
    return name.startsWith('./') ? load(name.slice(2)) : from.builtin(name);
  }
}

/** Compiles a piece without running it. */
export function compile(name: string, from: PieceSource): Script {
  const cachedData = from.codeCache(name);
  return new Script(`(function(exports,require,module){${from.source(name)}\n})`, {
    filename: `mq:${name}`,
    // A user's module is loaded from a file by import().
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData && { cachedData }),
  });
}
