// Shared by both entry points: suppresses Node's warnings about experimental features and starts the main piece.

import { mainPiece, openPieces, type PieceSource } from './pieces.ts';

// mq uses these features for a piece's import() of a user's file, and to find a syntax error in a file with types.
const suppressed = /^(vm\.USE_MAIN_CONTEXT_DEFAULT_LOADER|stripTypeScriptTypes) /;

export function startPieces(from: PieceSource): void {
  const { emitWarning } = process;
  // The cast is needed, because one function cannot express the overloads of emitWarning().
  process.emitWarning = ((warning: string | Error, ...rest: []) => {
    if (!suppressed.test(String(warning))) emitWarning(warning, ...rest);
  }) as typeof emitWarning;
  openPieces(from)(mainPiece);
}
