// What both ways to start have in common: silence about what Node still calls experimental, then the main piece.

import { mainPiece, openPieces, type PieceSource } from './pieces.ts';

// A piece's import() of a user's file, and to look for a syntax error in its types.
const taken = /^(vm\.USE_MAIN_CONTEXT_DEFAULT_LOADER|stripTypeScriptTypes) /;

export function startPieces(from: PieceSource): void {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: []) => {
    if (!taken.test(String(warning))) emitWarning(warning, ...rest);
  }) as typeof emitWarning;
  openPieces(from)(mainPiece);
}
