// Reads a JSON file whose values need positions, such as a schema that rascal.json names.

import { offsetAt, plainOf } from './item.ts';
import { parse } from './parse.ts';
import { type Path, type Problem, type ProblemCode, problemsOf } from './problem.ts';

export interface JsonDocument {
  readonly content: unknown;
  /** Returns a problem of the value at a path, with its line and column. */
  readonly problem: (path: Path, message: string, code?: ProblemCode) => Problem;
}

/** Parses the text of a JSON file. `document` is set only if there are no problems. */
export function jsonDocument(text: string): { document?: JsonDocument; problems: Problem[] } {
  const { tree, findings } = parse(text);
  if (tree === undefined || findings.length > 0) return { problems: problemsOf(text, findings) };
  const problem: JsonDocument['problem'] = (path, message, code = 'value') => {
    const [found] = problemsOf(text, [{ code, path, offset: offsetAt(tree, path), message }]);
    return found ?? { code, path: '', line: 1, column: 1, message };
  };
  return { document: { content: plainOf(tree), problem }, problems: [] };
}
