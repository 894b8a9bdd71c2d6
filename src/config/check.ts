// Checks the text of a rascal.json and returns either all its problems or the checked configuration. It reads no files.

import type { CheckedConfig, Config } from './config.ts';
import { rootField } from './fields/fields.ts';
import { objectOf } from './plain.ts';
import { borrowed, withoutDeadLetterTarget } from './reading/borrowed.ts';
import { type Environment, replaceVariables } from './reading/environment.ts';
import { offsetAt, plainOf } from './reading/item.ts';
import { mergeConfigs } from './reading/merge.ts';
import { normalise } from './reading/normalise.ts';
import { parse } from './reading/parse.ts';
import { type Finding, type Path, type Problem, problemsOf } from './reading/problem.ts';
import { typed } from './reading/typed.ts';
import { type DeclaredQueue, declaredByRascal } from './rules/declared.ts';
import { definedNames } from './rules/defined-names.ts';
import { droppingQueues, droppingWarning } from './rules/dropping.ts';
import { checkEncryption, checkReferences, type Report } from './rules/references.ts';
import { checkRetries } from './rules/retries.ts';
import { checkRoles, type HandlerFault } from './rules/roles.ts';
import { checkShape } from './rules/shape.ts';
import { ignoredTls } from './rules/socket-options.ts';

export { configError, type Problem, problemLine } from './reading/problem.ts';

interface CheckOptions {
  /** Name of the file, for `Config.file`. */
  file: string;
  /** Folder of the file, for `Config.folder`. */
  folder?: string;
  env: Environment;
  /** Parsed content of the built-in rascal.json. */
  builtin: unknown;
  /** Names that no role may have. */
  taken?: readonly string[];
  /** Also reports features of Rascal that mq does not support. */
  isStrict?: boolean;
  /** Checks whether a handler can start on this machine. Defaults to no check. */
  handlerFault?: HandlerFault;
}

/**
 * Checks the text of a rascal.json and returns all problems, ordered by position. `checked` is set only if there are no
 * problems.
 */
export function checkConfigText(
  text: string,
  { file, folder, env, builtin, taken = [], isStrict = false, handlerFault }: CheckOptions,
): { problems: Problem[]; warnings?: Problem[]; checked?: CheckedConfig } {
  const { tree: written, findings } = parse(text);
  if (written === undefined) return { problems: problemsOf(text, findings) };
  const { tree: filled, findings: variables } = replaceVariables(written, { env, text });
  const tree = typed(filled, rootField);
  findings.push(...withoutEchoes([...checkShape(tree, rootField)], variables), ...variables);

  const value = objectOf(plainOf(tree));
  const known = definedNames([value, objectOf(builtin)]);
  const wrong = new Set(findings.map(({ path }) => JSON.stringify(path)));
  const report: Report = (path, code, message) => {
    if (wrong.has(JSON.stringify(path))) return;
    findings.push({ code, path, offset: offsetAt(tree, path), message });
  };
  const misshapen = findings.map(({ path }) => path);
  const isSound = (at: Path) => !misshapen.some((path) => at.every((step, index) => path[index] === step));
  checkReferences({ file: value, known, report });
  checkRoles({
    file: value,
    known,
    taken,
    // The fields match HandlerConfig only if the handler's shape is valid.
    handlerFault: (handler, at) => (isSound(at) ? handlerFault?.(handler, at) : undefined),
    report,
  });
  checkRetries({ file: value, known, report });
  if (isStrict) checkEncryption(value, report);

  const dropping = ['vhosts', 'defaults', 'subscriptions'].every((key) => isSound([key]))
    ? droppingQueues(declaredByRascal(value))
    : [];
  const ignored = [...ignoredTls(value['defaults'], ['defaults']), ...ignoredTls(value['vhosts'], ['vhosts'])];
  const warnings = [...dropping.map(droppingWarning), ...ignored].map((one) => {
    return { code: 'warning' as const, ...one, offset: offsetAt(tree, one.path) };
  });
  if (findings.length > 0) return { problems: problemsOf(text, findings), warnings: problemsOf(text, warnings) };
  const [base, user] = [normalise(objectOf(builtin)), { ...normalise(value), file, folder }];
  const config = withDropping(mergeConfigs(borrowed(base, user), user), dropping);
  const own = { publications: Object.keys(config.publications), subscriptions: Object.keys(config.subscriptions) };
  return {
    problems: [],
    warnings: problemsOf(text, warnings),
    checked: {
      config,
      withBuiltin: { ...withDropping(mergeConfigs(base, withoutDeadLetterTarget(user)), dropping), own },
    },
  };
}

function withDropping(config: Config, dropping: readonly DeclaredQueue[]): Config {
  return { ...config, dropping: dropping.map(({ vhost, name }) => ({ vhost, queue: name })) };
}

// Removes follow-up problems. An undefined variable is one problem; the empty string that replaces it must not be
// reported as well.
function withoutEchoes(findings: readonly Finding[], variables: readonly Finding[]): Finding[] {
  const paths = new Set(variables.map(({ path }) => JSON.stringify(path)));
  return findings.filter(({ path }) => !paths.has(JSON.stringify(path)));
}
