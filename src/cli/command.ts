// Defines a command: data for help and cac, and a function over checked values.

import type { LogFormat } from '../config/role.ts';
import type { Context } from '../context.ts';
import type { OptionSet } from './arguments/options.ts';
import type { Values } from './arguments/values.ts';

/** Names in a rascal.json and in the built-in file. */
export interface KnownNames {
  /** Roles by name. */
  readonly roles: ReadonlyMap<string, { readonly summary: string; readonly options: Command['options'] }>;
  readonly publications: readonly string[];
  readonly subscriptions: readonly string[];
  readonly queues: readonly string[];
}

/** A candidate word and its description. */
export type Candidate = readonly [word: string, about?: string];

/** A section of a help text: a title and two-column rows. */
export interface HelpSection {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}

export interface Command {
  readonly name: string;
  /** One-line summary. */
  readonly summary: string;
  /** Arguments in the usage line: `[text…]`. */
  readonly usage: string;
  readonly options: OptionSet;
  /** Default log format, if --log is not given. */
  readonly log?: LogFormat;
  /** Verbs with their summaries. */
  readonly notes?: readonly (readonly [string, string])[];
  readonly examples?: readonly string[];
  /** Additional help sections, after the options. */
  readonly sections?: readonly HelpSection[];
  /** Group of the command in the help of mq. */
  readonly group: string;
  /** Returns the help for the words after the name. If absent, the help is built from the fields above. */
  readonly help?: (words: readonly string[], width: number) => Promise<string>;
  /** Returns completions for the words after the name. If absent, `usage` defines them. */
  readonly completes?: (words: readonly string[], names: KnownNames) => Promise<readonly Candidate[]>;
  /**
   * Runs the command. A number is the exit status of a negative answer that was already printed; otherwise the status
   * is 0.
   */
  run(context: Context, values: Values): Promise<void> | Promise<number>;
}
