// mq check: reports every problem of a rascal.json with file, line and column. With --target it also reports what a
// RabbitMQ version refuses or deprecates, and with --compatible-with which schemas do not fit older messages. With --live it
// checks a broker instead of a file.

import type { Problem } from '../../config/check.ts';
import type { Config } from '../../config/config.ts';
import type { FoundFile } from '../../config/find.ts';
import type { Target } from '../../config/target.ts';
import type { Context, Output } from '../../context.ts';
import { escaped, MqError, safeJson } from '../../errors.ts';
import { checkLiveOnly } from '../arguments/command-options.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import type { ConfigOf } from '../input/management.ts';

/** `builtin` is the configuration inside the executable. `commandNames` returns the names that no role may have. */
export function checkCommand(
  builtin: unknown,
  { commandNames, configOf }: { commandNames: () => readonly string[]; configOf: ConfigOf },
): Command {
  return {
    name: 'check',
    summary: 'report problems of a rascal.json, or of a broker',
    usage: '[file]',
    options: optionSets.check,
    group: 'Configuration',
    topic: 'configuration',
    examples: [
      'mq check',
      'mq check config/rascal.json',
      'mq check --target 4.3',
      'mq check --target 4.3 definitions.json',
      'mq check --schema > rascal.schema.json',
      'mq check --compatible-with ../released',
      'mq check --live --target 4.3',
      'mq check --live --deny-warnings --report github',
    ],
    run: (context, values) => run(context, values, { builtin, commandNames: commandNames(), configOf }),
  };
}

interface Known {
  readonly builtin: unknown;
  readonly commandNames: readonly string[];
  readonly configOf: ConfigOf;
}

async function run(context: Context, values: Values, { builtin, commandNames, configOf }: Known): Promise<number> {
  const { stdout } = context;
  refuseMixed(values);
  if (values.flag('schema')) {
    const { jsonSchema } = await import('../../config/schema.ts');
    stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
    return 0;
  }
  values.expectAtMost(values.flag('live') ? 0 : 1);
  const { targets } = await import('../../config/target.ts');
  const target = values.choice('target', targets);
  if (values.flag('live')) {
    const { checkLive } = await import('./check/live.ts');
    return checkLive(context, values, { configOf, target });
  }
  const found = await fileOf(context, values);
  const isJson = values.flag('json') ?? false;
  const findings = await checked(found, { env: context.env, builtin, commandNames, target });
  await print(stdout, findings, { isJson });
  const path = values.name('compatible-with');
  if (path === undefined) return 0;
  if (findings.config === undefined) throw values.usage('--compatible-with needs a rascal.json, not definitions');
  const { printCompatibility } = await import('./check/compatible.ts');
  const newer = { file: found.file, config: findings.config };
  return (await printCompatibility(context, newer, { path, builtin, isJson })) ? 0 : 1;
}

const reports = ['text', 'github'] as const;

/** Throws USAGE for an option that does not apply with or without --live. */
function refuseMixed(values: Values): void {
  const isLive = values.flag('live') === true;
  const ofBroker = checkLiveOnly.map(({ name }) => name).find((name) => values.given.includes(name));
  if (!isLive && ofBroker !== undefined) throw values.usage(`--${ofBroker} requires --live`);
  // A wrong word is refused before the broker is read.
  values.choice('report', reports);
  if (values.flag('all-vhosts') && values.name('vhost') !== undefined)
    throw values.usage('--vhost and --all-vhosts contradict each other');
  if (isLive && values.flag('schema')) throw values.usage('--live and --schema exclude each other');
  const compared = values.given.includes('compatible-with');
  if (compared && (isLive || values.flag('schema')))
    throw values.usage(`--compatible-with and --${isLive ? 'live' : 'schema'} exclude each other`);
  if (values.flag('json') && values.text('report') !== undefined)
    throw values.usage('--json and --report exclude each other');
}

/**
 * Reads the file that the argument, --config or MQ_CONFIG names, otherwise ./rascal.json. Throws NO_INPUT if there is
 * no file, and the errors of findFile.
 */
async function fileOf({ env, cwd, drain: signal }: Context, values: Values): Promise<FoundFile> {
  const [argument] = values.args;
  const option = argument ?? values.name('config');
  if (option === '') throw values.usage('the name of the file is empty');
  const { findFile } = await import('../../config/find.ts');
  const found = await findFile({ option, isArgument: argument !== undefined, env, cwd, signal });
  if (found === undefined)
    throw new MqError('NO_INPUT', 'there is no rascal.json in this folder', {
      hint: 'mq check FILE checks another file',
    });
  return found;
}

interface Findings {
  readonly file: string;
  readonly target: Target | undefined;
  readonly problems: readonly Problem[];
  /** The configuration of a valid rascal.json. */
  readonly config?: Config;
  /** Description of the content: the numbers of roles, publications and subscriptions, or `exported definitions`. */
  readonly contents: string;
}

async function checked(
  { file, folder, text }: FoundFile,
  {
    env,
    builtin,
    commandNames,
    target,
  }: Pick<Context, 'env'> & {
    builtin: unknown;
    commandNames: readonly string[];
    target: Target | undefined;
  },
): Promise<Findings> {
  const [{ checkTarget }, { checkConfigText }, { handlerFault }] = await Promise.all([
    import('../../config/target.ts'),
    import('../../config/check.ts'),
    import('../../handlers/fault.ts'),
  ]);
  const { format, problems: ofTarget } =
    target === undefined ? { format: 'rascal', problems: [] } : checkTarget(text, { env, target });
  const own =
    format === 'rascal'
      ? checkConfigText(text, {
          ...{ file, folder, env, builtin, commandNames, isStrict: true },
          handlerFault: (handler) => handlerFault(handler, { folder, env }),
        })
      : { problems: [] };
  const ofSchemas = own.checked === undefined ? [] : await schemaProblemsOf(own.checked.config);
  return {
    file,
    target,
    problems: [...own.problems, ...(own.warnings ?? []), ...ofTarget, ...ofSchemas],
    ...(own.checked && { config: own.checked.config }),
    contents: own.checked === undefined ? 'exported definitions' : countsOf(own.checked.config),
  };
}

/** Returns the problems of the schemas that the file names. */
async function schemaProblemsOf(config: Config): Promise<readonly Problem[]> {
  const { publications, subscriptions } = config.schemas;
  if (Object.keys({ ...publications, ...subscriptions }).length === 0) return [];
  const { schemaProblems } = await import('../../contracts/check.ts');
  return schemaProblems(config);
}

/** Prints the findings. Throws CONFIG if the file is invalid. */
async function print(
  stdout: Output,
  { file, target, problems, contents }: Findings,
  { isJson }: { isJson: boolean },
): Promise<void> {
  const { configError, problemLine } = await import('../../config/check.ts');
  const warnings = problems.filter(isWarning);
  const errors = problems.filter((one) => !isWarning(one));
  if (isJson) for (const problem of problems) stdout.write(`${safeJson({ file, ...problem })}\n`);
  else for (const one of warnings) stdout.write(`${escaped(`${problemLine(file, one)} (${one.code})`)}\n`);
  if (errors.length > 0) {
    // With --json the problems have already been printed.
    throw isJson
      ? new MqError('CONFIG', `${file} has ${counted(errors.length, 'problem')}`)
      : configError(file, errors);
  }
  const count = (code: string) => warnings.filter((one) => one.code === code).length;
  const verdict = {
    file,
    ok: true,
    ...(target && { target, deprecated: count('deprecated') }),
    warnings: count('warning'),
  };
  const forTarget = target === undefined ? '' : ` for RabbitMQ ${target}`;
  stdout.write(`${isJson ? JSON.stringify(verdict) : `${file}: valid${forTarget} (${contents})`}\n`);
}

/** Returns `true` if the problem does not make the file invalid. */
function isWarning({ code }: Problem): boolean {
  return code === 'deprecated' || code === 'warning';
}

function countsOf({ roles, publications, subscriptions }: Config): string {
  const counts = Object.entries({ role: roles, publication: publications, subscription: subscriptions });
  return counts.map(([what, items]) => counted(Object.keys(items).length, what)).join(', ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
