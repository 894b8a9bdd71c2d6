// Joins pieces that a command loads together into one script, because each script costs a tenth of a millisecond at
// the start.

import { mainPiece, type PieceSource, type Pieces } from './pieces.ts';

/** The sources that a start file needs. */
interface Scripts {
  /** Sources by name. */
  readonly sources: ReadonlyMap<string, string>;
  /** Names of scripts by the names of their pieces, if they differ. */
  readonly joined: Readonly<Record<string, string>>;
}

/** Name of the file with `joined` as JSON. */
export const joinedName = 'joined.json';

/**
 * Pieces of an `import()`, in the order in which commands load them. All that such a piece requires at once and no
 * earlier one requires becomes one script.
 */
const entries = ['cli', 'load', 'session', 'publish', 'consume'];

export function scriptsOf(pieces: Pieces): Scripts {
  const joined = new Map<string, string>();
  const first = entries.flatMap((entry) => [...pieces.keys()].filter((name) => isOf(entry, name)));
  for (const script of [mainPiece, ...first])
    for (const piece of neededBy(script, pieces)) if (!joined.has(piece)) joined.set(piece, script);
  const members = new Map<string, string[]>();
  for (const name of pieces.keys()) {
    const script = joined.get(name) ?? name;
    members.set(script, [...(members.get(script) ?? []), name]);
  }
  const sources = [...members].map(([script, names]) => [script, scriptSource(names, pieces)] as const);
  return { sources: new Map(sources), joined: Object.fromEntries(joined) };
}

/** Returns what `PieceSource` needs, apart from code caches. */
export function sourceOf({ sources, joined }: Scripts): Pick<PieceSource, 'scriptOf' | 'source'> {
  return {
    scriptOf: (piece) => joined[piece] ?? piece,
    source: (script) => {
      const source = sources.get(script);
      if (source === undefined) throw new Error(`the bundle lacks ./${script}, which one of its packages requires`);
      return source;
    },
  };
}

/** esbuild adds a hash to the name of the file that an `import()` names. */
export function isOf(entry: string, piece: string): boolean {
  return piece.startsWith(`${entry}-`) && /^-\w+\.js$/.test(piece.slice(entry.length));
}

function scriptSource(names: readonly string[], pieces: Pieces): string {
  const functions = names.map(
    (name) => `${JSON.stringify(name)}:function(exports,require,module){${pieces.get(name)}\n}`,
  );
  return `({${functions.join(',\n')}})`;
}

/** Returns the names of a piece and of all pieces that it requires while it runs. */
function neededBy(name: string, pieces: Pieces, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  // An import() has become a `require` in a function.
  for (const [, next = ''] of (pieces.get(name) ?? '').matchAll(/(?<!=>)require\("\.\/([^"]+)"\)/g))
    neededBy(next, pieces, found);
  return found;
}
