// Checks the text of a rascal.json and returns either all its problems or the checked configuration. Reads no files.

import type { CheckedConfig, Config } from './config.ts';
import { rootField } from './fields/fields.ts';
import { dictionary, objectOf, type Plain } from './plain.ts';
import { borrowed, withoutDeadLetterTarget } from './reading/borrowed.ts';
import { type Environment, replaceVariables } from './reading/environment.ts';
import { type LocatedValue, offsetAt, plainOf } from './reading/item.ts';
import { mergeConfigs } from './reading/merge.ts';
import { normalise, type PartialConfig } from './reading/normalise.ts';
import { parse } from './reading/parse.ts';
import { type Finding, type Path, type Problem, problemsOf } from './reading/problem.ts';
import { typed } from './reading/typed.ts';
import type { HandlerConfig } from './role.ts';
import { nestedArguments } from './rules/binding-options.ts';
import { type Declared, type DeclaredQueue, declaredByRascal } from './rules/declared.ts';
import { definedNames } from './rules/defined-names.ts';
import { checkDelays } from './rules/delays.ts';
import { droppingQueues, droppingWarning } from './rules/dropping.ts';
import { exclusiveConsumers } from './rules/exclusive-consumers.ts';
import { longNames } from './rules/long-names.ts';
import { nativeRetries } from './rules/native-retries.ts';
import { checkOwns, ownsWarnings } from './rules/owns.ts';
import { checkPolicies, policyWarnings } from './rules/policies.ts';
import { checkEncryption, checkReferences } from './rules/references.ts';
import type { Report } from './rules/report.ts';
import { checkRetries } from './rules/retries.ts';
import { checkRoles, type HandlerFault } from './rules/roles.ts';
import { checkSchemas, schemaPaths } from './rules/schemas.ts';
import { checkShape } from './rules/shape.ts';
import { ignoredSocketOptions } from './rules/socket-options.ts';
import { checkStreams, streamWarnings } from './rules/streams.ts';

export type { Field } from './fields/field.ts';
export { type JsonDocument, jsonDocument } from './reading/json-document.ts';
export { configError, didYouMean, type Path, type Problem, problemLine } from './reading/problem.ts';
export { checkedJson } from './rules/json-file.ts';

interface CheckOptions {
  /** Name of the file, for `Config.file`. */
  file: string;
  /** Folder of the file, for `Config.folder`. */
  folder?: string;
  env: Environment;
  /** Parsed content of the built-in rascal.json. */
  builtin: unknown;
  /** Names of commands, which no role may have. */
  commandNames?: readonly string[];
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
  options: CheckOptions,
): { problems: Problem[]; warnings?: Problem[]; checked?: CheckedConfig } {
  const { file, folder, env, builtin } = options;
  const { tree: written, findings } = parse(text);
  if (written === undefined) return { problems: problemsOf(text, findings) };
  const { tree: replaced, findings: variables } = replaceVariables(written, { env, text });
  const tree = typed(replaced, rootField);
  findings.push(...withoutFollowUps(checkShape(tree, rootField), variables), ...variables);

  const content = objectOf(plainOf(tree));
  const hasValidShape = shapeTest(findings);
  const declared = ['vhosts', 'defaults', 'subscriptions'].every((key) => hasValidShape([key]))
    ? declaredByRascal(content)
    : undefined;
  findings.push(...ruleFindings({ content, tree, findings, hasValidShape }, options));
  const warnings = problemsOf(text, warningsOf(content, tree, declared));
  if (findings.length > 0) return { problems: problemsOf(text, findings), warnings };
  const base = normalise(objectOf(builtin));
  const user = withPlaces({ ...normalise(content), file, folder }, { content, tree, text });
  // A role cannot know whether the policies of the file have been applied.
  const dropping = declared === undefined ? [] : droppingQueues({ ...declared, policies: [] });
  const checked = checkedConfig({ base, user, dropping });
  if (declared === undefined) return { problems: [], warnings, checked };
  const { config } = checked;
  const long = longNames(config, declared);
  const located = (all: typeof long.problems, code: 'value' | 'warning', more: object = {}) =>
    problemsOf(
      text,
      all.map((one) => ({ code, ...one, ...more, offset: offsetAt(tree, one.path) })),
    );
  const problems = located(
    [...long.problems, ...nativeRetries(config), ...exclusiveConsumers(config, content)],
    'value',
  );
  const instead = 'use a shorter name, because mq cannot declare this queue for failed messages';
  const all = [...warnings, ...located(long.warnings, 'warning', { instead })];
  return { problems, warnings: all, ...(problems.length === 0 && { checked }) };
}

/** Adds the lines of the schema files, because these are read after the check of the file. */
function withPlaces(
  user: PartialConfig,
  { content, tree, text }: { content: Plain; tree: LocatedValue; text: string },
): PartialConfig {
  const paths = schemaPaths(content).toReversed();
  if (paths.length === 0) return user;
  const places = paths.flatMap(([name, path]) => {
    const found = problemsOf(text, [{ code: 'missing-file', path, offset: offsetAt(tree, path), message: '' }]);
    return found.map(({ path: at, line, column }) => [name, { path: at, line, column }] as const);
  });
  return { ...user, schemas: { ...user.schemas, places: dictionary(places) } };
}

/** Reports whether the value at a path has a valid shape, including all values inside it. */
type ShapeTest = (at: Path) => boolean;

function shapeTest(findings: readonly Finding[]): ShapeTest {
  const misshapen = findings.map(({ path }) => path);
  return (at) => !misshapen.some((path) => at.every((step, index) => path[index] === step));
}

interface CheckedTree {
  readonly content: Plain;
  readonly tree: LocatedValue;
  /** Problems of shape and of variables. The rules report no second problem at the same path. */
  readonly findings: readonly Finding[];
  readonly hasValidShape: ShapeTest;
}

/** Returns the problems that the rules find. Rules check references and settings that depend on each other. */
function ruleFindings(
  { content, tree, findings, hasValidShape }: CheckedTree,
  { builtin, commandNames = [], isStrict = false, handlerFault }: CheckOptions,
): Finding[] {
  const found: Finding[] = [];
  const reported = new Set(findings.map(({ path }) => JSON.stringify(path)));
  const report: Report = (path, code, message) => {
    if (reported.has(JSON.stringify(path))) return;
    found.push({ code, path, offset: offsetAt(tree, path), message });
  };
  const input = { file: content, names: definedNames([content, objectOf(builtin)]), report };
  checkReferences(input);
  checkOwns(input);
  checkRoles({
    ...input,
    commandNames,
    // A handler with a valid shape and exactly one kind is a HandlerConfig.
    handlerFault: (handler, at) => (hasValidShape(at) ? handlerFault?.(handler as HandlerConfig, at) : undefined),
  });
  checkRetries(input);
  checkDelays(input);
  checkSchemas(input);
  checkPolicies(input);
  checkStreams(input);
  if (isStrict) checkEncryption(content, report);
  return found;
}

function warningsOf(content: Plain, tree: LocatedValue, declared: Declared | undefined): Finding[] {
  const ignored = ['defaults', 'vhosts'].flatMap((key) => ignoredSocketOptions(content[key], [key]));
  const ofDeclared =
    declared === undefined ? [] : [...droppingQueues(declared).map(droppingWarning), ...policyWarnings(declared)];
  return [
    ...ofDeclared,
    ...ownsWarnings(content),
    ...ignored,
    ...nestedArguments(content),
    ...streamWarnings(content),
  ].map((one) => {
    return { code: 'warning', ...one, offset: offsetAt(tree, one.path) };
  });
}

interface Parts {
  readonly base: PartialConfig;
  readonly user: PartialConfig;
  readonly dropping: readonly DeclaredQueue[];
}

function checkedConfig({ base, user, dropping }: Parts): CheckedConfig {
  const withDropping = (config: Config): Config => {
    return { ...config, dropping: dropping.map(({ vhost, name }) => ({ vhost, queue: name })) };
  };
  const config = withDropping(mergeConfigs(borrowed(base, user), user));
  const own = { publications: Object.keys(config.publications), subscriptions: Object.keys(config.subscriptions) };
  return { config, withBuiltin: { ...withDropping(mergeConfigs(base, withoutDeadLetterTarget(user))), own } };
}

// Removes the problems at the paths of undefined variables. Such a variable is already one problem, and the empty
// string that replaces it must not be reported as well.
function withoutFollowUps(findings: readonly Finding[], variables: readonly Finding[]): Finding[] {
  const paths = new Set(variables.map(({ path }) => JSON.stringify(path)));
  return findings.filter(({ path }) => !paths.has(JSON.stringify(path)));
}
