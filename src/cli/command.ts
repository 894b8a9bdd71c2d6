// What a command is: data for help and for cac, and a function over checked values.

import type { LogFormat } from '../config/config.ts';
import type { Context } from '../context.ts';
import type { Candidate, KnownNames } from './completion.ts';
import type { OptionSet } from './options.ts';
import type { Values } from './values.ts';

/** A part of a help text: a title and rows of two columns. */
export interface HelpSection {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}

export interface Command {
  readonly name: string;
  /** One line of help. */
  readonly summary: string;
  /** What follows the name in the usage line: `[text…]`. */
  readonly usage: string;
  readonly options: OptionSet;
  /** The form of stderr without --log. */
  readonly log?: LogFormat;
  /** Its verbs, each with a line of help. */
  readonly notes?: readonly (readonly [string, string])[];
  readonly examples?: readonly string[];
  /** Further parts of its help, below the options. */
  readonly sections?: readonly HelpSection[];
  /** The group it stands under in the help of mq. */
  readonly group: string;
  /** Its help, for the words that follow the name; without it, the help is drawn from the fields above. */
  readonly help?: (words: readonly string[], width: number) => Promise<string>;
  /** What may follow the words typed after the name, for completions; without it, what `usage` says. */
  readonly completes?: (words: readonly string[], names: KnownNames) => Promise<readonly Candidate[]>;
  /** A number is the exit status, of an answer that is no and is told already; without one it is 0. */
  run(context: Context, values: Values): Promise<void> | Promise<number>;
}
