// Protects arguments from cac. Its parser converts `007` to 7, "" to 0 and 1e3 to 1000, and treats a value that starts
// with a dash as an option. mq puts a NUL byte before each value, so that cac keeps it as text. No argument can
// contain a NUL byte.

import { durationMs } from '../../config/duration.ts';
import type { Option } from './option.ts';

const mark = '\0';

interface ProtectedArgs {
  /** Arguments for cac: the command and options unchanged, every value and argument marked. */
  readonly argv: readonly string[];
  /** Index of the command's name in the user's arguments, or -1. */
  readonly commandAt: number;
  /** Arguments after the command's name that are neither options nor their values, as typed. */
  readonly words: readonly string[];
  /** An option at the end whose value is missing. */
  readonly missing: Option | undefined;
  /** The first unknown option as typed, or the first flag with a value. */
  readonly unknown: string | undefined;
  /**
   * The first word that follows an option and looks like its value, although the option accepts no value, or only one
   * after `=`.
   */
  readonly unclear: UnclearWord | undefined;
}

export interface UnclearWord {
  readonly option: Option;
  readonly word: string;
}

export function protectArgs(args: readonly string[], options: readonly Option[]): ProtectedArgs {
  const scan = new Scan(args, options);
  scan.run();
  return scan;
}

class Scan implements ProtectedArgs {
  readonly argv: string[] = [];
  readonly words: string[] = [];
  commandAt = -1;
  missing: Option | undefined;
  unknown: string | undefined;
  unclear: UnclearWord | undefined;
  readonly #args: readonly string[];
  readonly #options: readonly Option[];

  constructor(args: readonly string[], options: readonly Option[]) {
    this.#args = args;
    this.#options = options;
  }

  run(): void {
    let next = 0;
    for (const [at, arg] of this.#args.entries()) {
      if (at < next) continue;
      next = at + 1;
      if (arg === '--') {
        for (const word of this.#args.slice(next)) this.#word(word);
        return;
      }
      if (!arg.startsWith('-') || arg === '-') {
        if (this.commandAt === -1) this.#command(at, arg);
        else this.#word(arg);
      } else next = this.#option(at, arg);
    }
  }

  #command(at: number, name: string): void {
    this.commandAt = at;
    this.argv.push(name);
  }

  #word(word: string): void {
    this.words.push(word);
    this.argv.push(mark + word);
  }

  #value({ name }: Option, value: string): void {
    this.argv.push(`--${name}`, mark + value);
  }

  /** Reads the option at an index. Returns the index after the option and its value. */
  #option(at: number, arg: string): number {
    const equals = arg.indexOf('=');
    const name = equals === -1 ? arg : arg.slice(0, equals);
    const assigned = equals === -1 ? undefined : arg.slice(equals + 1);
    // The list contains the options of all commands, so no text is built for each of them.
    const isLong = name.startsWith('--');
    const bare = name.slice(isLong ? 2 : 1);
    const option = this.#options.find((one) => (isLong ? one.name : one.short) === bare);
    const negated = arg.startsWith('--no-') ? arg.slice('--no-'.length) : undefined;
    const isNegated = negated !== undefined && this.#options.some((one) => one.negatable && one.name === negated);
    if (!isNegated && (!option || (assigned !== undefined && !option.value))) this.unknown ??= arg;
    if (option?.rest)
      return this.#rest(option, [...(assigned === undefined ? [] : [assigned]), ...this.#args.slice(at + 1)]);
    const next = this.#args[at + 1];
    if (option && assigned === undefined && next !== undefined && isLikeValue(option, next))
      this.unclear ??= { option, word: next };
    if (!option?.value) this.argv.push(arg);
    else if (assigned !== undefined) this.#value(option, assigned);
    else if (option.bare !== undefined) this.#value(option, option.bare);
    else if (next === undefined) this.missing = option;
    else {
      this.#value(option, next);
      return at + 2;
    }
    return at + 1;
  }

  /** Reads an option that accepts all following arguments. */
  #rest(option: Option, values: readonly string[]): number {
    if (values.length === 0) this.missing = option;
    for (const value of values) this.#value(option, value);
    return this.#args.length;
  }
}

function isLikeValue({ bare, value, negatable }: Option, word: string): boolean {
  if (negatable) return word === 'true' || word === 'false';
  if (bare === undefined) return false;
  return value === 'DURATION' ? durationMs(word, 's') !== undefined : /^\d+$/.test(word);
}

/** Returns the value as the user typed it. */
export function unprotect(value: string): string {
  return value.startsWith(mark) ? value.slice(1) : value;
}
