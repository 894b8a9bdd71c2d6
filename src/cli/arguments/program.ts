// Parses the command line into a command and its values. Only this file imports cac. protect.ts keeps values unchanged
// and finds errors that cac would accept (unknown options such as --constructor); this file adds suggestions.

import { cac } from 'cac';
import { MqError, systemReason } from '../../errors.ts';
import { nearest } from '../../terminal/nearest.ts';
import type { Command } from '../command.ts';
import { refuseBytes } from '../exact-arguments.ts';
import type { Option } from './option.ts';
import { allOptions } from './options.ts';
import { protectArgs, type UnclearWord, unprotect } from './protect.ts';
import { Values } from './values.ts';

/** Returns the command's name as typed, or `undefined` if none is given. */
export function commandName(args: readonly string[]): string | undefined {
  return args[protectArgs(args, allOptions).commandAt];
}

/** Returns the arguments after the command's name that are neither options nor their values. */
export function commandWords(args: readonly string[]): readonly string[] {
  return protectArgs(args, allOptions).words;
}

/** Throws USAGE if the options before the command's name make it unclear which word is the name. */
export function refuseUnclearStart(args: readonly string[]): void {
  const { commandAt } = protectArgs(args, allOptions);
  const { unknown, unclear } = protectArgs(commandAt === -1 ? args : args.slice(0, commandAt + 1), allOptions);
  if (unknown !== undefined)
    throw new MqError('USAGE', `there is no option ${unknown.split('=', 1)[0]}`, {
      hint: 'mq --help lists the commands; mq <command> --help lists the options of a command',
    });
  if (unclear) throw unclearWord(unclear);
}

/** Returns the value of `--name VALUE` before the command is known. */
export function earlyValue(args: readonly string[], name: string): string | undefined {
  const { argv } = protectArgs(args, allOptions);
  const at = argv.lastIndexOf(`--${name}`);
  const value = argv[at + 1];
  return at === -1 || value === undefined ? undefined : unprotect(value);
}

/** Returns `true` if a flag such as --help occurs before any `--` or `--exec`. */
export function hasFlag(args: readonly string[], ...flags: readonly string[]): boolean {
  return protectArgs(args, allOptions).argv.some((arg) => flags.includes(arg));
}

/** Returns the options that a command and its verbs accept. */
function acceptedBy({ options, verbs = {} }: Pick<Command, 'options' | 'verbs'>): readonly Option[] {
  return uniqueByName([...options, ...Object.values(verbs).flatMap((verb) => verb.options)]);
}

function uniqueByName(options: readonly Option[]): readonly Option[] {
  return [...new Map(options.map((option) => [option.name, option])).values()];
}

/** Parses the command line of a command, with the options of all its verbs. Throws USAGE if it is invalid. */
export function parse(args: readonly string[], command: Command): Values {
  const options = acceptedBy(command);
  const { argv, missing, unknown, unclear } = protectArgs(args, options);
  const usage = (message: string, hint = `mq ${command.name} --help`) => new MqError('USAGE', message, { hint });
  if (unknown !== undefined) throw usage(...unknownOption(unknown, options, command));
  if (unclear) throw unclearWord(unclear);
  if (missing) throw usage(`--${missing.name} requires a value: ${missing.value}`);
  refuseBytes(argv, { takesBytes: command.sendsText ?? false });

  const program = cac('mq');
  const parser = program.command(`${command.name} [...args]`, command.summary);
  // Only options with a value reach cac, by their long names: see protectArgs and withoutFlags.
  for (const { name, value, help } of options) if (value) parser.option(`--${name} <value>`, help);
  let values: Values | undefined;
  parser.action((rest: string[], parsed: Record<string, unknown>) => {
    values = new Values({
      command: command.name,
      args: rest.map(unprotect),
      options: givenOptions(options, parsed, argv),
    });
  });
  try {
    program.parse(['node', 'mq', ...withoutFlags(argv, options)], { run: false });
    program.runMatchedCommand();
  } catch (error) {
    throw usage(systemReason(error));
  }
  if (!values) throw new MqError('BUG', `cac did not match the command ${command.name}`);
  refuseSecondBroker(values);
  return values;
}

/** Options that choose the broker or the login. The last value would silently replace the first one. */
const chosenOnce = ['connection', 'url', 'url-file', 'management-url', 'user', 'password-file'];

function refuseSecondBroker(values: Values): void {
  const name = chosenOnce.find((option) => values.list(option).length > 1);
  if (name !== undefined) throw values.usage(`--${name} is given more than once`);
}

/**
 * Removes the options without a value, which `givenOptions` finds without cac. cac's parser (mri) knows their names in
 * camel case only, so it would use the word after `--until-empty` as its value.
 */
function withoutFlags(argv: readonly string[], options: readonly Option[]): string[] {
  const flags = options.filter(({ value }) => !value);
  const typed = flags.flatMap(({ name, short }) => [`--${name}`, `--no-${name}`, ...(short ? [`-${short}`] : [])]);
  return argv.filter((arg) => !typed.includes(arg));
}

function unclearWord({ option: { name, bare }, word }: UnclearWord): MqError {
  const [message, advice] =
    bare === undefined
      ? [`--${name} accepts no value`, `write --${name} or --no-${name}`]
      : [`--${name} accepts a value only after '='`, `write --${name}=${word}`];
  return new MqError('USAGE', message, { hint: `${advice}; if '${word}' is an argument, put -- before it` });
}

/** Returns the error for a command that does not exist. */
export function unknownCommand(name: string, names: readonly string[]): MqError {
  const near = nearest(name, names);
  return new MqError('USAGE', `there is no command '${name}'`, {
    hint: near ? `did you mean 'mq ${near}'?` : 'mq --help lists the commands',
  });
}

/** Returns the first argument if it is one of the words. Throws USAGE with a suggestion otherwise. */
export function wordOf<Word extends string>(values: Values, words: readonly Word[]): Word {
  const [typed] = values.args;
  const word = words.find((one) => one === typed);
  if (word !== undefined) return word;
  if (typed === undefined) throw values.usage(`give one of ${words.join(', ')}`);
  throw unknownWord(values.command, typed, words);
}

/** Returns the error for a word that a command does not have. */
export function unknownWord(command: string, typed: string, words: readonly string[]): MqError {
  const near = nearest(typed, words);
  return new MqError('USAGE', `there is no 'mq ${command} ${typed}'`, {
    hint: `${near ? `did you mean 'mq ${command} ${near}'? ` : ''}mq ${command} has ${words.join(', ')}`,
  });
}

/** Returns the given values by the names of the options. cac converts these names to camel case and adds defaults. */
function givenOptions(
  options: readonly Option[],
  parsed: Record<string, unknown>,
  argv: readonly string[],
): Record<string, readonly string[] | boolean> {
  const values: Record<string, readonly string[] | boolean> = {};
  for (const { name, short, value, negatable } of options) {
    const key = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (value) {
      const texts = [parsed[key]].flat().filter((one) => typeof one === 'string');
      if (texts.length > 0) values[name] = texts.map(unprotect);
    } else if (argv.includes(`--${name}`) || (short && argv.includes(`-${short}`))) values[name] = true;
    else if (negatable && argv.includes(`--no-${name}`)) values[name] = false;
  }
  return values;
}

/** Returns the hint for --password. There is no such option, because all users of the machine can read arguments. */
function passwordHint(options: readonly Option[]): string {
  if (options.some((option) => option.name === 'password-file'))
    return 'other users can read arguments, so a password is not accepted: use --password-file FILE, or - for standard input';
  return 'set MQ_PASSWORD or MQ_PASSWORD_FILE; --url-file FILE reads an address with its password';
}

/** Returns the message and the hint for an unknown option. */
function unknownOption(typed: string, options: readonly Option[], command: Command): [string, string?] {
  const [name = ''] = typed.split('=', 1);
  if (name === '--password') return [`there is no option ${name}`, passwordHint(options)];
  if (options.some((option) => `--${option.name}` === name)) return [`${name} accepts no value`];
  const near = nearest(
    name.replace(/^-+/, ''),
    options.map((option) => option.name),
  );
  return [
    `there is no option ${name}`,
    near
      ? `did you mean --${near}?`
      : `mq ${command.name}${command.verbs ? ' <verb>' : ''} --help lists the options; words after -- are arguments`,
  ];
}
