// Runs the command that the arguments name, and converts its error to an exit status.

import builtin from '../../rascal.json' with { type: 'json' };
import type { Context } from '../context.ts';
import { asMqError, exitStatuses, MqError } from '../errors.ts';
import { startCommandsBy } from '../login/command-spawn.ts';
import { hasEndedConnections, interrupted } from '../signal.ts';
import { widthOf } from '../terminal/wrap.ts';
import { commandName, commandWords, earlyValue, hasFlag, parse, refuseUnclearStart } from './arguments/program.ts';
import type { Command } from './command.ts';
import { CommandTable } from './command-table.ts';
import { helpCommand, helpText } from './commands/help.ts';
import { errorText, noticeText } from './error-text.ts';
import { commandHelp, overview } from './help.ts';
import { isInsecure } from './input/login.ts';
import { connectedContext } from './named-connection.ts';
import { chosenVerb } from './verb.ts';

/** All commands. */
export const commands = new CommandTable(cli);

/** Runs the command line and returns the exit status. Never rejects. */
export async function cli(context: Context): Promise<number> {
  startCommandsBy(context.spawn);
  const invocation = new Invocation(context);
  const done = context.onExit?.((status) => invocation.report(earlyExitError(status)));
  try {
    return await invocation.run();
  } catch (error) {
    return invocation.report(endedBySignal(error, context));
  } finally {
    done?.();
  }
}

/** Returns the error to report. A connection that mq itself has ended at a second signal was not lost. */
function endedBySignal(error: unknown, context: Context): unknown {
  const isLoss = error instanceof MqError && error.code === 'UNAVAILABLE';
  if (!isLoss || !hasEndedConnections(context.abandon)) return error;
  return interrupted(context, 'a second signal ended its connections');
}

/** Returns the answer of `mq completions words`. Loads few modules, because the shell waits for the answer. */
export async function completions(args: readonly string[], world: Pick<Context, 'env' | 'cwd'>): Promise<string> {
  const { completionAnswer } = await import('./completion/answer.ts');
  return completionAnswer(args, { world, commands: commands.completed(), builtin });
}

/** One run of a command line. It stores the command, because error messages name it. */
class Invocation {
  readonly #context: Context;
  #name: string | undefined;
  #command: Command | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Prints help, or runs the command. Returns the exit status. */
  async run(): Promise<number> {
    const { args, stdout } = this.#context;
    refuseUnclearStart(args);
    this.#name = commandName(args);
    const asksHelp = hasFlag(args, '--help', '-h');
    if (args.length === 0 || (this.#name === undefined && asksHelp)) {
      stdout.write(overview(await commands.all(this.#context), widthOf(stdout)));
      // A script whose command is an empty variable must not count as successful.
      return args.length === 0 ? exitStatuses.USAGE : 0;
    }
    if (this.#name === undefined)
      throw new MqError('USAGE', 'no command is given', { hint: 'mq --help lists the commands' });
    if (this.#name !== helpCommand.name && !asksHelp) return this.#runCommand(this.#name);
    const words = commandWords(args);
    const isTopic = this.#name === helpCommand.name;
    stdout.write(await (isTopic ? helpForWords(words, this.#context) : helpOf(this.#name, words, this.#context)));
    return 0;
  }

  async #runCommand(name: string): Promise<number> {
    const given = this.#context;
    this.#command = await commands.find(name, given);
    const { run, values } = chosenVerb(this.#command, parse(given.args, this.#command));
    const context = await connectedContext(given, this.#command, {
      values,
      say: (text) => given.stderr.write(noticeText(text, { command: name, isLog: this.#isLog(), level: 'info' })),
    });
    const insecure = connects(this.#command) ? isInsecure(context) : undefined;
    if (insecure) {
      const text = `${insecure}: ${insecureWarning}`;
      context.stderr.write(noticeText(text, { command: name, isLog: this.#isLog(), level: 'warn' }));
    }
    const undoes = new Set<() => Promise<void>>();
    const onStray = (undo: () => Promise<void>) => {
      undoes.add(undo);
      return () => undoes.delete(undo);
    };
    const stray = context.stray.catch(async (error: unknown) => {
      await Promise.allSettled([...undoes].map((undo) => undo()));
      throwUncaught(error);
    });
    const status = await Promise.race([run({ ...context, onStray }, values), stray]);
    return typeof status === 'number' ? status : 0;
  }

  /** Prints an error. Returns its exit status. */
  report(error: unknown): number {
    const { args, stderr } = this.#context;
    const failure = asMqError(error);
    const style = {
      command: this.#name ?? '',
      json: hasFlag(args, '--json'),
      isLog: this.#isLog(),
      debug: hasFlag(args, '--debug'),
      args,
      ...(stderr.isTTY && { width: widthOf(stderr) }),
    };
    stderr.write(errorText(failure, style));
    return exitStatuses[failure.code];
  }

  #isLog(): boolean {
    return (earlyValue(this.#context.args, 'log') ?? this.#command?.log) === 'json';
  }
}

/** Returns the text of `mq help words…`. */
function helpForWords(words: readonly string[], context: Context): Promise<string> {
  return helpText(words, context, {
    names: async () => (await commands.all(context)).map(({ name }) => name),
    overview: async () => overview(await commands.all(context), widthOf(context.stdout)),
    help: (name, rest) => helpOf(name, rest, context),
  });
}

/** Returns the help of a command, or of the verb that follows its name. */
async function helpOf(name: string, words: readonly string[], context: Context): Promise<string> {
  const command =
    (await commands.all(context)).find((one) => one.name === name) ??
    (await commands.find(name, context, { isHelp: true }));
  return commandHelp(command, words, widthOf(context.stdout));
}

const insecureWarning =
  "the broker's certificate is not verified; anyone on the network path can read and change the traffic";

/** Reports whether a command has the options of a login. */
function connects({ options, verbs = {} }: Command): boolean {
  return [options, ...Object.values(verbs).map((verb) => verb.options)].flat().some(({ name }) => name === 'insecure');
}

function throwUncaught(error: unknown): never {
  const { message } = asMqError(error);
  throw new MqError('BUG', `uncaught error: ${message}`, {
    hint: 'it comes from a timer or a promise of the handler, or from a bug in mq; --debug prints the stack',
    cause: error,
  });
}

function earlyExitError(status: number): MqError {
  return new MqError('BUG', `process.exit(${status}) ended the process before its work was done`, {
    hint: "a handler module ends its role with the outcome { type: 'stop' }, not with process.exit",
  });
}
