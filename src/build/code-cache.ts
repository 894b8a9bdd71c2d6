// Creates V8's code cache of every script. It is valid only for the Node that runs this file, on this platform.

import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { Script } from 'node:vm';
import { compile, mainPiece, openPieces, type PieceSource, type Pieces } from './pieces.ts';
import { isOf, scriptsOf, sourceOf } from './scripts.ts';
import { type CommandLine, trainingRun } from './training-run.ts';

/** The compilers of V8 that produce machine code. */
const tiers = ['sparkplug', 'maglev', 'turbofan'];

/**
 * Returns the code caches by name. Every piece except the main one runs first, and then a few commands, so that the
 * cache contains the functions that they called. The script of the main piece is small and ends the process, so it is
 * compiled whole.
 * Other functions are compiled from the source when they are called.
 */
export async function codeCaches(pieces: Pieces): Promise<Map<string, Uint8Array>> {
  const from: PieceSource = {
    ...sourceOf(scriptsOf(pieces)),
    codeCache: () => undefined,
    builtin: createRequire(import.meta.url),
  };
  const scripts = new Map<string, Script>();
  const load = openPieces(from, scripts);
  // A cache contains a hash of V8's flags, so the flags are reset before a cache is created.
  setFlagsFromString('--no-flush-bytecode');
  // Otherwise V8 would note which functions became hot here, and compile machine code for them in each short command.
  for (const tier of tiers) setFlagsFromString(`--no-${tier}`);
  for (const name of pieces.keys()) if (name !== mainPiece) load(name);
  await trainingRun(commandLine([...pieces.keys()], load));
  for (const tier of tiers) setFlagsFromString(`--${tier}`);
  setFlagsFromString('--flush-bytecode');
  setFlagsFromString('--allocation-site-pretenuring'); // roles/consume.ts switches it off
  scripts.set(mainPiece, compileWhole(mainPiece, from));
  return new Map([...scripts].map(([name, script]) => [name, script.createCachedData()]));
}

/** Compiles a script with all its functions, without running it. */
function compileWhole(name: string, from: PieceSource): Script {
  setFlagsFromString('--no-lazy');
  try {
    return compile(name, from);
  } finally {
    setFlagsFromString('--lazy');
  }
}

/** Returns the exports of cli/cli.ts. The main piece imports it by `import()`, so it is a piece. */
function commandLine(names: readonly string[], load: (name: string) => unknown): CommandLine {
  const [found, ...others] = names.filter((name) => isOf('cli', name)).map(load);
  if (!isCommandLine(found) || others.length > 0) throw new Error('the bundle must have one piece for cli/cli.ts');
  return found;
}

function isCommandLine(exported: unknown): exported is CommandLine {
  return typeof exported === 'object' && exported !== null && 'cli' in exported && 'completions' in exported;
}
