// Runs pieces. Each is a CommonJS module. A script has one or more of them, and is compiled when one of them is first
// required, from its code cache if there is one.

import { constants, Script } from 'node:vm';

/** CommonJS sources by name. Pieces `require` each other as `./name`. */
export type Pieces = ReadonlyMap<string, string>;

/** Name of the piece that runs first. */
export const mainPiece = 'main.js';

export interface PieceSource {
  /** Returns the name of the script that contains a piece. */
  readonly scriptOf: (piece: string) => string;
  /** Returns the source of a script: an expression whose value has the functions of its pieces by name. */
  readonly source: (script: string) => string;
  /** Returns V8's code cache of the script, or `undefined`. */
  readonly codeCache: (script: string) => Uint8Array | undefined;
  /** Returns one of Node's own modules. */
  readonly builtin: (name: string) => unknown;
}

type Definitions = Readonly<Record<string, (exports: unknown, require: unknown, module: unknown) => void>>;

/** Returns a function that requires a piece by its name. Compiled scripts are added to `scripts`. */
export function openPieces(from: PieceSource, scripts = new Map<string, Script>()): (name: string) => unknown {
  const definitions = new Map<string, Definitions>();
  const loaded = new Map<string, { exports: unknown }>();
  return load;

  function load(name: string): unknown {
    const known = loaded.get(name);
    if (known) return known.exports;
    const module: { exports: unknown } = { exports: {} };
    loaded.set(name, module);
    const define = defined(from.scriptOf(name))[name];
    if (!define) throw new Error(`the bundle lacks ./${name}, which one of its packages requires`);
    define(module.exports, require, module);
    return module.exports;
  }

  function require(name: string): unknown {
    return name.startsWith('./') ? load(name.slice(2)) : from.builtin(name);
  }

  function defined(name: string): Definitions {
    const known = definitions.get(name);
    if (known) return known;
    const script = compile(name, from);
    scripts.set(name, script);
    const made: Definitions = script.runInThisContext();
    definitions.set(name, made);
    return made;
  }
}

/** Compiles a script without running it. */
export function compile(name: string, from: PieceSource): Script {
  const cachedData = from.codeCache(name);
  return new Script(from.source(name), {
    filename: `mq:${name}`,
    // A user's module is loaded from a file by import().
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData && { cachedData }),
  });
}
