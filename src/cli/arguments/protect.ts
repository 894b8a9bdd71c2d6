// Protects arguments from cac. Its parser converts `007` to 7, "" to 0 and 1e3 to 1000, and treats a value that starts
// with a dash as an option. A NUL byte, which no argument can contain, is put before each value, so that it stays text.

import { durationMs } from '../../config/duration.ts';
import type { Option } from './option.ts';

const mark = '\0';

export interface ProtectedArgs {
  /** Arguments for cac: the command and options unchanged, every value and argument marked. */
  readonly argv: readonly string[];
  /** Index of the command's name in the user's arguments, or -1. */
  readonly commandAt: number;
  /** An option at the end whose value is missing. */
  readonly missing: Option | undefined;
  /** The first unknown option as typed, or the first flag with a value. */
  readonly unknown: string | undefined;
  /**
   * The first word that follows an option and looks like its value, although the option only accepts a value after `=`.
   */
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

/** Returns the value as the user typed it. */
export function unprotect(value: string): string {
  return value.startsWith(mark) ? value.slice(1) : value;
}
