// The text of rascal.json → every problem it has, or the checked configuration. Pure.

import type { Config } from './config.ts';
import { rootField } from './fields.ts';
import { type Environment, fill } from './fill.ts';
import { offsetAt, plainOf } from './item.ts';
import { namesIn } from './known.ts';
import { mergeConfigs } from './merge.ts';
import { normalise } from './normalise.ts';
import { parse } from './parse.ts';
import { objectOf } from './plain.ts';
import { type Finding, type Problem, problemsOf } from './problem.ts';
import { checkReferences, type Report } from './references.ts';
import { checkRetries } from './retry.ts';
import { checkRoles } from './roles.ts';
import { checkShape } from './shape.ts';

interface CheckOptions {
  /** The file's name, for `Config.file`. */
  file: string;
  /** The file's folder, for `Config.folder`. */
  folder?: string;
  env: Environment;
  /** The parsed built-in rascal.json. */
  builtin: unknown;
  /** Names that no role may have. */
  taken?: readonly string[];
}

/**
 * Checks the text of a rascal.json: all problems at once, in order of position.
 * `config` is there exactly when there is no problem; it is laid over the built-in configuration.
 */
export function checkConfigText(
  text: string,
  { file, folder, env, builtin, taken = [] }: CheckOptions,
): { problems: Problem[]; config?: Config } {
  const { tree: written, findings } = parse(text);
  if (written === undefined) return { problems: problemsOf(text, findings) };
  const { tree, findings: variables } = fill(written, { env, text });
  findings.push(...withoutEchoes([...checkShape(tree, rootField)], variables), ...variables);

  const value = objectOf(plainOf(tree));
  const known = namesIn([value, objectOf(builtin)]);
  const wrong = new Set(findings.map(({ path }) => JSON.stringify(path)));
  const report: Report = (path, code, message) => {
    if (wrong.has(JSON.stringify(path))) return;
    findings.push({ code, path, offset: offsetAt(tree, path), message });
  };
  checkReferences({ file: value, known, report });
  checkRoles({ file: value, known, taken, report });
  checkRetries({ file: value, known, report });

  if (findings.length > 0) return { problems: problemsOf(text, findings) };
  const config = mergeConfigs(normalise(objectOf(builtin)), normalise(value));
  return { problems: [], config: { ...config, file, folder } };
}

// A variable that is not there is one problem, not also that of the empty string in its place.
function withoutEchoes(findings: readonly Finding[], variables: readonly Finding[]): Finding[] {
  const paths = new Set(variables.map(({ path }) => JSON.stringify(path)));
  return findings.filter(({ path }) => !paths.has(JSON.stringify(path)));
}
