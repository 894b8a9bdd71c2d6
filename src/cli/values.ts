// The arguments of one command line, exactly as they were typed, with typed access. Every misuse is a USAGE error.

import { MqError } from '../errors.ts';

/** A longer timer of Node overflows and fires at once. */
const longestSeconds = 2_147_483;

export class Values {
  /** What is not an option, in order. */
  readonly args: readonly string[];
  /** The name of the command, for hints. */
  readonly command: string;
  readonly #options: Readonly<Record<string, readonly string[] | boolean>>;

  constructor({
    command,
    args,
    options,
  }: { command: string; args: readonly string[]; options: Readonly<Record<string, readonly string[] | boolean>> }) {
    this.command = command;
    this.args = args;
    this.#options = options;
  }

  /** The same options with other arguments. */
  withArgs(args: readonly string[]): Values {
    return new Values({ command: this.command, args, options: this.#options });
  }

  /** The names of all options that were given. */
  get given(): readonly string[] {
    return Object.keys(this.#options);
  }

  /** True for `--name`, false for `--no-name`, undefined when neither was given. */
  flag(name: string): boolean | undefined {
    const value = this.#options[name];
    return typeof value === 'boolean' ? value : undefined;
  }

  /** The last value given. */
  text(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  /** A text that may not be empty. */
  name(name: string): string | undefined {
    const value = this.text(name);
    if (value === '') throw this.usage(`--${name} is empty`);
    return value;
  }

  /** One of the words. */
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

  /** A whole number of at least `min`. */
  whole(name: string, { min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number }): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= min && number <= max))
      throw this.usage(
        `--${name} must be a whole number from ${min}${max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ' on'}, not '${value}'`,
      );
    return number;
  }

  /** Seconds (fractions allowed) as milliseconds. */
  seconds(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,7}(\.\d{1,3})?$/.test(value) ? Number(value) : Number.NaN;
    if (!(number > 0 && number <= longestSeconds))
      throw this.usage(`--${name} must be seconds from 0.001 to ${longestSeconds}, not '${value}'`);
    return Math.round(number * 1000);
  }

  /** `NAME=VALUE` pairs, the last one of a name wins. */
  pairs(name: string): readonly (readonly [string, string])[] {
    return this.list(name).map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw this.usage(`--${name} must be NAME=VALUE, not '${pair}'`);
      return [pair.slice(0, at), pair.slice(at + 1)] as const;
    });
  }

  usage(message: string): MqError {
    return new MqError('USAGE', message, { hint: `mq ${this.command} --help` });
  }
}
