// Protects what was typed from cac: its parser turns `007` into 7, "" into 0, 1e3 into 1000, and takes a value that
// begins with a dash for an option. A NUL, which no argument can contain, before each value keeps it text.

import { durationMs } from '../config/duration.ts';
import type { Option } from './option.ts';

const mark = '\0';

export interface ProtectedArgs {
  /** For cac: the command and options as they are, every value and argument marked. */
  readonly argv: readonly string[];
  /** The index in the user's arguments of the command's name, or -1. */
  readonly commandAt: number;
  /** An option that takes a value stands last. */
  readonly missing: Option | undefined;
  /** What begins with a dash and is no option, as typed; or a flag that was given a value. The first one. */
  readonly unknown: string | undefined;
  /** A word follows an option and looks like its value, but the option only accepts one after `=`. The first one. */
  readonly unclear: UnclearWord | undefined;
}

export interface UnclearWord {
  readonly option: Option;
  readonly word: string;
}

export function protectArgs(args: readonly string[], options: readonly Option[]): ProtectedArgs {
  const argv: string[] = [];
  let commandAt = -1;
  let missing: Option | undefined;
  let unknown: string | undefined;
  let unclear: UnclearWord | undefined;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] as string;
    if (arg === '--') {
      argv.push(...args.slice(at + 1).map((value) => mark + value));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      if (commandAt === -1) {
        commandAt = at;
        argv.push(arg);
      } else argv.push(mark + arg);
      continue;
    }
    const equals = arg.indexOf('=');
    const name = equals === -1 ? arg : arg.slice(0, equals);
    const option = options.find((one) => `--${one.name}` === name || (one.short && `-${one.short}` === name));
    const negated = options.some((one) => one.negatable && `--no-${one.name}` === arg);
    if (!negated && (!option || (equals !== -1 && !option.value))) unknown ??= arg;
    if (option?.rest) {
      const values = equals === -1 ? args.slice(at + 1) : [arg.slice(equals + 1), ...args.slice(at + 1)];
      if (values.length === 0) missing = option;
      for (const value of values) argv.push(`--${option.name}`, mark + value);
      break;
    }
    const next = args[at + 1];
    if (option && equals === -1 && next !== undefined && isLikeValue(option, next)) unclear ??= { option, word: next };
    if (!option?.value) argv.push(arg);
    else if (equals !== -1) argv.push(`--${option.name}`, mark + arg.slice(equals + 1));
    else if (option.bare !== undefined) argv.push(`--${option.name}`, mark + option.bare);
    else if (at + 1 < args.length) {
      at += 1;
      argv.push(`--${option.name}`, mark + args[at]);
    } else missing = option;
  }
  return { argv, commandAt, missing, unknown, unclear };
}

function isLikeValue({ bare, value, negatable }: Option, word: string): boolean {
  if (negatable) return word === 'true' || word === 'false';
  return bare !== undefined && value === 'DURATION' && durationMs(word, 's') !== undefined;
}

/** What the user typed. */
export function unprotect(value: string): string {
  return value.startsWith(mark) ? value.slice(1) : value;
}
