// Checks offline whether a file is valid for a RabbitMQ version. The file is a rascal.json or definitions exported from
// a broker.

import { rootField } from './fields/fields.ts';
import { objectOf } from './plain.ts';
import { type Environment, replaceVariables } from './reading/environment.ts';
import { offsetAt, plainOf } from './reading/item.ts';
import { parse } from './reading/parse.ts';
import { type Problem, problemsOf } from './reading/problem.ts';
import { typed } from './reading/typed.ts';
import { declaredByDefinitions, declaredByRascal, isDefinitions } from './rules/declared.ts';
import { droppingQueues, droppingWarning } from './rules/dropping.ts';
import { refusalsOf, type Target } from './rules/version-rules.ts';

export { type Target, targets } from './rules/version-rules.ts';

/**
 * Returns what the version refuses (code `refused`) or deprecates (`deprecated`), ordered by position. `format` is the
 * kind of file. For text that is not JSON it returns no problem, because `checkConfigText` reports the syntax errors.
 */
export function checkTarget(
  text: string,
  { env, target }: { env: Environment; target: Target },
): { format: 'rascal' | 'definitions'; problems: Problem[] } {
  const { tree: written } = parse(text);
  if (written === undefined) return { format: 'rascal', problems: [] };
  const format = isDefinitions(objectOf(plainOf(written))) ? 'definitions' : 'rascal';
  // Definitions have no variables.
  const tree = format === 'definitions' ? written : typed(replaceVariables(written, { env, text }).tree, rootField);
  const file = objectOf(plainOf(tree));
  const declared = format === 'definitions' ? declaredByDefinitions(file) : declaredByRascal(file);
  // For a rascal.json, `checkConfigText` already reports these warnings.
  const dropping = format === 'definitions' ? droppingQueues(declared) : [];
  const warnings = dropping.map((queue) => ({ code: 'warning' as const, ...droppingWarning(queue) }));
  const findings = [...refusalsOf(declared, target), ...warnings].map((refusal) => ({
    ...refusal,
    offset: offsetAt(tree, refusal.path),
  }));
  return { format, problems: problemsOf(text, findings) };
}
