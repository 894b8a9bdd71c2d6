// Is this file right for that RabbitMQ? Offline: a rascal.json, or definitions that were exported from a broker.

import { declaredByDefinitions, declaredByRascal, isDefinitions } from './declared.ts';
import { droppingQueues, droppingWarning } from './dropping.ts';
import { rootField } from './fields.ts';
import { type Environment, fill } from './fill.ts';
import { offsetAt, plainOf } from './item.ts';
import { parse } from './parse.ts';
import { objectOf } from './plain.ts';
import { type Problem, problemsOf } from './problem.ts';
import { refusalsOf, type Target } from './refusals.ts';
import { typed } from './typed.ts';

export { type Target, targets } from './refusals.ts';

/**
 * What the version refuses (code `refused`) or has deprecated (`deprecated`) in the text, in order of position.
 * `format` tells what the text is; text that is no JSON is a rascal.json without findings here, and has others.
 */
export function checkTarget(
  text: string,
  { env, target }: { env: Environment; target: Target },
): { format: 'rascal' | 'definitions'; problems: Problem[] } {
  const { tree: written } = parse(text);
  if (written === undefined) return { format: 'rascal', problems: [] };
  const format = isDefinitions(objectOf(plainOf(written))) ? 'definitions' : 'rascal';
  // Definitions have no variables.
  const tree = format === 'definitions' ? written : typed(fill(written, { env, text }).tree, rootField);
  const file = objectOf(plainOf(tree));
  const declared = format === 'definitions' ? declaredByDefinitions(file) : declaredByRascal(file);
  // Those of a rascal.json are found without a target, too.
  const dropping = format === 'definitions' ? droppingQueues(declared) : [];
  const warnings = dropping.map((queue) => ({ code: 'warning' as const, ...droppingWarning(queue) }));
  const findings = [...refusalsOf(declared, target), ...warnings].map((refusal) => ({
    ...refusal,
    offset: offsetAt(tree, refusal.path),
  }));
  return { format, problems: problemsOf(text, findings) };
}
