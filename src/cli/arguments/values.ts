// Parses the values of the arguments and options of a command line. Every invalid value is a USAGE error.

import { type DurationUnit, durationExamples, durationMs } from '../../config/duration.ts';
import { bytesOf, sizeForms } from '../../config/size.ts';
import { MqError } from '../../errors.ts';
import { longestTimerMs } from '../../time.ts';

export class Values {
  /** Arguments that are not options, in order. */
  readonly args: readonly string[];
  /** Name of the command, for hints. */
  readonly command: string;
  /** Name of its verb, for hints. */
  readonly verb: string | undefined;
  readonly #options: Readonly<Record<string, readonly string[] | boolean>>;

  constructor({
    command,
    verb,
    args,
    options,
  }: {
    command: string;
    verb?: string | undefined;
    args: readonly string[];
    options: Readonly<Record<string, readonly string[] | boolean>>;
  }) {
    this.command = command;
    this.verb = verb;
    this.args = args;
    this.#options = options;
  }

  /** Returns the same options with other arguments. */
  withArgs(args: readonly string[]): Values {
    return new Values({ command: this.command, verb: this.verb, args, options: this.#options });
  }

  /** Returns the same options for a verb, whose arguments begin after its name. */
  ofVerb(verb: string): Values {
    return new Values({ command: this.command, verb, args: this.args.slice(1), options: this.#options });
  }

  /** Names of all given options. */
  get given(): readonly string[] {
    return Object.keys(this.#options);
  }

  /** Returns `true` for `--name`, `false` for `--no-name`, and `undefined` if neither was given. */
  flag(name: string): boolean | undefined {
    const value = this.#options[name];
    return typeof value === 'boolean' ? value : undefined;
  }

  /** Returns the last given value. */
  text(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  /** Returns the last given value. Throws USAGE if it is empty. */
  name(name: string): string | undefined {
    const value = this.text(name);
    if (value === '') throw this.usage(`--${name} is empty`);
    return value;
  }

  /** Returns the value. Throws USAGE if it is not one of the words. */
  choice<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.text(name);
    const word = words.find((one) => one === value);
    if (value !== undefined && word === undefined)
      throw this.usage(`--${name} must be ${words.join(' or ')}, not '${value}'`);
    return word;
  }

  list(name: string): readonly string[] {
    const value = this.#options[name];
    return typeof value === 'object' ? value : [];
  }

  /** Returns a whole number from `min` to `max`. Throws USAGE for any other value. */
  whole(name: string, { min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number }): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max))
      throw this.usage(
        `--${name} must be a whole number ${max < Number.MAX_SAFE_INTEGER ? `from ${min} to ${max}` : `of at least ${min}`}, not '${value}'`,
      );
    return number;
  }

  /** Returns a duration in milliseconds. A number without a unit is in seconds, or in the given unit. */
  duration(name: string, bare: DurationUnit = 's'): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const milliseconds = durationMs(value, bare) ?? 0;
    if (milliseconds < 1 || milliseconds > longestTimerMs)
      throw this.usage(`--${name} must be a duration (${durationExamples}) from 1ms to 24d, not '${value}'`);
    return milliseconds;
  }

  /** Returns a number of bytes. */
  bytes(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const bytes = bytesOf(value) ?? 0;
    if (bytes < 1 || bytes > Number.MAX_SAFE_INTEGER)
      throw this.usage(`--${name} must be a size in bytes (${sizeForms}), not '${value}'`);
    return bytes;
  }

  /** Returns `NAME=VALUE` pairs. Later pairs override earlier ones with the same name. */
  pairs(name: string): readonly (readonly [string, string])[] {
    return this.list(name).map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw this.usage(`--${name} must be NAME=VALUE, not '${pair}'`);
      return [pair.slice(0, at), pair.slice(at + 1)] as const;
    });
  }

  /** Throws USAGE if there are more than `count` arguments. */
  expectAtMost(count: number, hint?: string): void {
    const extra = this.args[count];
    if (extra !== undefined) throw this.usage(unexpectedArgument(extra), hint);
  }

  usage(message: string, hint?: string): MqError {
    const name = this.verb === undefined ? this.command : `${this.command} ${this.verb}`;
    return new MqError('USAGE', message, { hint: hint ?? `mq ${name} --help` });
  }
}

/** Returns the error message for an argument that the command does not expect. */
export function unexpectedArgument(word: string): string {
  return `unexpected argument '${word}'`;
}
