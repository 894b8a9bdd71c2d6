// Runs the command that the arguments name, and converts its error to an exit status.

import builtin from '../../rascal.json' with { type: 'json' };
import { type CheckedConfig, type Config, configFor } from '../config/config.ts';
import type { FoundFile } from '../config/find.ts';
import { type RoleConfig, roleFor, usesOf } from '../config/role.ts';
import type { Context } from '../context.ts';
import { asMqError, exitStatuses, MqError } from '../errors.ts';
import { nearest } from '../terminal/nearest.ts';
import { widthOf } from '../terminal/wrap.ts';
import { optionSets } from './arguments/options.ts';
import {
  commandName,
  commandWords,
  earlyValue,
  hasFlag,
  parse,
  refuseUnclearStart,
  unknownCommand,
} from './arguments/program.ts';
import type { Command } from './command.ts';
import { adminCommand } from './commands/admin.ts';
import { brokerCommand } from './commands/broker.ts';
import { checkCommand } from './commands/check.ts';
import { clusterCommand } from './commands/cluster.ts';
import { completionsCommand } from './commands/completions.ts';
import { declareCommand } from './commands/declare.ts';
import { demoCommand } from './commands/demo.ts';
import { dlqCommand } from './commands/dlq.ts';
import { healthCommand } from './commands/health.ts';
import { helpCommand, helpText } from './commands/help.ts';
import { initCommand } from './commands/init.ts';
import { roleCommand, runRole } from './commands/role.ts';
import { testCommand } from './commands/test.ts';
import { trustCommand } from './commands/trust.ts';
import { typesCommand } from './commands/types.ts';
import { versionCommand } from './commands/version.ts';
import { waitCommand } from './commands/wait.ts';
import { webCommand } from './commands/web.ts';
import type { CompletedCommand } from './completion/candidates.ts';
import { errorText, warningText, withoutPasswords } from './error-text.ts';
import { refuseBytes } from './exact-arguments.ts';
import { commandHelp, overview } from './help.ts';
import { configWithTls } from './input/addresses.ts';
import type { Doubts } from './input/management.ts';
import { assertTrusted } from './input/trust.ts';
import { roleExamples } from './role-help.ts';
import { chosenVerb } from './verb.ts';

/** Runs the command line and returns the exit status. Never rejects. */
export async function cli(context: Context): Promise<number> {
  const { args, stdout, stderr } = context;
  let name: string | undefined;
  let command: Command | undefined;
  const report = (error: unknown): number => {
    const failure = asMqError(error);
    const style = {
      command: name ?? '',
      json: hasFlag(args, '--json'),
      isLog: isLog(args, command),
      debug: hasFlag(args, '--debug'),
      ...(stderr.isTTY && { width: widthOf(stderr) }),
    };
    stderr.write(withoutPasswords(errorText(failure, style), args));
    return exitStatuses[failure.code];
  };
  const done = context.onExit?.((status) => report(exitedEarly(status)));
  try {
    refuseUnclearStart(args);
    name = commandName(args);
    if (args.length === 0 || (name === undefined && hasFlag(args, '--help', '-h'))) {
      stdout.write(overview(await allCommands(context), widthOf(stdout)));
      // A script whose command is an empty variable must not count as successful.
      return args.length === 0 ? exitStatuses.USAGE : 0;
    }
    if (name === undefined) throw new MqError('USAGE', 'no command is given', { hint: 'mq --help lists the commands' });
    if (name === helpCommand.name || hasFlag(args, '--help', '-h')) {
      const words = commandWords(args);
      stdout.write(await (name === helpCommand.name ? helpForWords(words, context) : helpOf(name, words, context)));
      return 0;
    }
    command = await find(name, context);
    const parsed = parse(args, command);
    const { run, values } = chosenVerb(command, parsed);
    if (values.flag('insecure')) stderr.write(warningText(insecurity, { command: name, isLog: isLog(args, command) }));
    const status = await Promise.race([run(context, values), context.stray.catch(strayed)]);
    return typeof status === 'number' ? status : 0;
  } catch (error) {
    return report(error);
  } finally {
    done?.();
  }
}

/** Returns the text of `mq help words…`. */
function helpForWords(words: readonly string[], context: Context): Promise<string> {
  const commands = () => allCommands(context);
  return helpText(words, context, {
    names: async () => (await commands()).map(({ name }) => name),
    overview: async () => overview(await commands(), widthOf(context.stdout)),
    help: (name, rest) => helpOf(name, rest, context),
  });
}

/** Returns the help of a command, or of the verb that follows its name. */
async function helpOf(name: string, words: readonly string[], context: Context): Promise<string> {
  const asked =
    (await allCommands(context)).find((command) => command.name === name) ??
    (await find(name, context, { isHelp: true }));
  return commandHelp(asked, words, widthOf(context.stdout));
}

const insecurity =
  "--insecure: the broker's certificate is not verified, so anybody between can read and change everything";

function isLog(args: readonly string[], command: Command | undefined): boolean {
  return (earlyValue(args, 'log') ?? command?.log) === 'json';
}

function strayed(error: unknown): never {
  const { message } = asMqError(error);
  throw new MqError('BUG', `an error that nothing caught: ${message}`, {
    hint: 'a timer or a promise of the handler, or a bug in mq; --debug shows where',
    cause: error,
  });
}

function exitedEarly(status: number): MqError {
  return new MqError('BUG', `process.exit(${status}) ended the process before its work was done`, {
    hint: "a handler module ends its role with the outcome { type: 'stop' }, not with process.exit",
  });
}

async function find(name: string, context: Context, { isHelp = false } = {}): Promise<Command> {
  const fixed = fixedCommands().find((command) => command.name === name);
  if (fixed) return fixed;
  let found: FoundFile | undefined;
  const configs = await configsOf(context, async (file) => {
    found = file;
  });
  const { roles } = configs.withBuiltin;
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined;
  if (role || Object.hasOwn(genericBehaviours, name)) {
    if (found && !isHelp) await assertTrusted(context, found, { builtin });
    return role ? roleCommandOf(name, role, configs) : genericCommand(name, configs);
  }
  throw unknownCommand(
    name,
    (await allCommands(context)).map((command) => command.name),
  );
}

async function allCommands(context: Context): Promise<Command[]> {
  const configs = await configsOf(context, async () => undefined).catch(async () => {
    // Help must work without a valid rascal.json. Its problems are reported when a command runs.
    return (await import('../config/load.ts')).builtinConfigs(builtin);
  });
  const roles = Object.entries(configs.withBuiltin.roles).map(([name, role]) => roleCommandOf(name, role, configs));
  return [...roles, ...Object.keys(genericBehaviours).map((name) => genericCommand(name, configs)), ...fixedCommands()];
}

function roleCommandOf(name: string, role: RoleConfig, configs: CheckedConfig): Command {
  return roleCommand(name, role, { config: configFor(configs, usesOf(role)), group: groupOf(name) });
}

/** Returns the commands that are not roles. */
export function fixedCommands(): Command[] {
  return [
    demoCommand(cli),
    brokerCommand,
    clusterCommand(configOf),
    waitCommand(configOf),
    adminCommand(configOf),
    dlqCommand(configsOf),
    healthCommand,
    webCommand(configOf),
    testCommand,
    typesCommand,
    initCommand,
    checkCommand(builtin, takenNames),
    declareCommand(configOf),
    trustCommand(builtin),
    completionsCommand,
    helpCommand,
    versionCommand,
  ];
}

/** Returns the answer of `mq completions words`. It loads as little as possible. */
export async function completions(args: readonly string[], world: Pick<Context, 'env' | 'cwd'>): Promise<string> {
  const { completionAnswer } = await import('./completion/answer.ts');
  return completionAnswer(args, { world, commands: completedCommands(), builtin });
}

/** Returns the commands for completions, which need no checked configuration. */
function completedCommands(): CompletedCommand[] {
  const generic = Object.entries(genericBehaviours).map(([name, { behaviour, uses, summary }]) => ({
    name,
    summary,
    usage: placeOf(uses),
    options: optionSets[behaviour],
  }));
  return [...generic, ...fixedCommands()];
}

/** Returns the configuration of the user's file, or the built-in one without a file. */
async function configOf(context: Context, doubts: Doubts = async () => []): Promise<Config> {
  const judge = async (found: FoundFile, config: Config) => {
    const more = await doubts(config);
    return assertTrusted(context, found, { builtin, more });
  };
  return (await configsOf(context, judge)).config;
}

/** @param judge called with the user's file; by default the file must be trusted */
async function configsOf(
  context: Context,
  judge = (found: FoundFile, _config: Config): Promise<void> => assertTrusted(context, found, { builtin }),
): Promise<CheckedConfig> {
  const { args, env, cwd, drain: signal } = context;
  const option = earlyValue(args, 'config');
  if (option !== undefined) refuseBytes(['--config', option], { takesBytes: false });
  const { loadConfigs } = await import('../config/load.ts');
  const configs = await loadConfigs({
    ...(option !== undefined && { option }),
    env,
    cwd,
    signal,
    builtin,
    taken: takenNames(),
    judge,
  });
  const choice = { ca: earlyValue(args, 'ca'), isInsecure: hasFlag(args, '--insecure') };
  return { config: configWithTls(configs.config, choice), withBuiltin: configWithTls(configs.withBuiltin, choice) };
}

/** Returns the names of commands. A role with one of these names could not be run. */
function takenNames(): string[] {
  return [...fixedCommands().map(({ name }) => name), ...Object.keys(genericBehaviours)];
}

function groupOf(name: string): string {
  return Object.hasOwn(builtin.mq.roles, name) ? 'Roles' : 'Roles of your rascal.json';
}

/** Commands such as `mq publish NAME …`, which use any publication or subscription without a role in rascal.json. */
const genericBehaviours = {
  publish: { behaviour: 'publish', uses: 'publication', summary: 'publish to any publication by its name' },
  subscribe: { behaviour: 'consume', uses: 'subscription', summary: 'receive from any subscription by its name' },
  request: { behaviour: 'request', uses: 'publication', summary: 'send requests to any publication by its name' },
  reply: { behaviour: 'reply', uses: 'subscription', summary: 'answer requests of any subscription by its name' },
} as const;

/**
 * Returns the placeholder for the usage line. A receiving command accepts several subscriptions, a sending one a single
 * publication.
 */
function placeOf(uses: 'publication' | 'subscription'): string {
  return uses === 'subscription' ? '<subscription…>' : '<publication>';
}

function genericCommand(name: string, configs: CheckedConfig): Command {
  const { behaviour, uses, summary } = genericBehaviours[name as keyof typeof genericBehaviours];
  const { config } = configs;
  const role = { ...roleFor(behaviour, []), summary };
  const shape = roleCommand(name, role, { config, group: 'Any publication or subscription' });
  const example = Object.keys(config[`${uses}s`])[0] ?? placeOf(uses);
  return {
    ...shape,
    usage: `${placeOf(uses)}${shape.usage && ` ${shape.usage}`}`,
    examples: roleExamples(`${name} ${example}`, role),
    run(context, values) {
      const { withBuiltin } = configs;
      const own = Object.keys(config[`${uses}s`]);
      // The file's own names come first.
      const known = Object.keys({ ...config[`${uses}s`], ...withBuiltin[`${uses}s`] });
      // All arguments of a receiving command are names; for a sending one, the text follows the single name.
      const count = uses === 'subscription' ? values.args.length : 1;
      const rest = values.args.slice(count);
      const targets = values.args.slice(0, count).flatMap((word) => namesOf(word, { own, known, uses }));
      const [target] = targets;
      if (target === undefined) throw values.usage(`give the name of a ${uses}; ${listed(own, uses)}`);
      const names = [...new Set(targets)];
      const role = roleFor(behaviour, names);
      return runRole(context, values.withArgs(rest), { name, role, config: configFor(configs, usesOf(role)) });
    },
  };
}

/**
 * Returns the names for an argument: the name itself, or the file's subscriptions that match a pattern such as
 * `orders.*`.
 */
function namesOf(
  word: string,
  { own, known, uses }: { own: readonly string[]; known: readonly string[]; uses: 'publication' | 'subscription' },
): readonly string[] {
  if (known.includes(word)) return [word];
  const isPattern = uses === 'subscription' && word.includes('*');
  const pattern = new RegExp(`^${word.split('*').map(RegExp.escape).join('.*')}$`, 's');
  const fitting = isPattern ? own.filter((name) => pattern.test(name)) : [];
  if (fitting.length > 0) return fitting;
  const hint = listed(own, uses);
  if (isPattern) throw new MqError('USAGE', `no ${uses} fits '${word}'`, { hint });
  throw new MqError('USAGE', `there is no ${uses} '${word}'${suggestion(word, known)}`, { hint });
}

/** Lists the names of the file. Those of the tutorials are listed only if there is no file. */
function listed(own: readonly string[], uses: 'publication' | 'subscription'): string {
  if (own.length === 0) return `rascal.json has no ${uses}`;
  return `there are ${own.slice(0, 20).join(', ')}${own.length > 20 ? ', …' : ''}`;
}

function suggestion(typed: string, names: readonly string[]): string {
  const near = nearest(typed, names);
  return near ? `; did you mean '${near}'?` : '';
}
