// Defines a command: data for help, completions and cac, and a function over checked values.

import type { LogFormat } from '../config/role.ts';
import type { Context } from '../context.ts';
import type { Option } from './arguments/option.ts';
import type { Values } from './arguments/values.ts';

/** Names in a rascal.json and in the built-in file. */
export interface KnownNames {
  /** Roles by name. */
  readonly roles: ReadonlyMap<string, { readonly summary: string; readonly options: readonly Option[] }>;
  readonly publications: readonly string[];
  readonly subscriptions: readonly string[];
  readonly queues: readonly string[];
  readonly exchanges: readonly string[];
  /** Named connections of the user. */
  readonly connections: readonly string[];
}

/** A word that completions offer, and its description. */
export type Candidate = readonly [word: string, about?: string];

/** A section of a help text: a title and two-column rows. */
export interface HelpSection {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}

/** A verb of a command, such as `up` of `mq cluster up`. */
export interface Verb {
  /** Arguments in the usage line: `[text…]`. */
  readonly usage: string;
  /** One-line summary. */
  readonly summary: string;
  readonly options: readonly Option[];
  /** Command lines that a user could type. */
  readonly examples: readonly string[];
  /** Additional help sections, after the options. */
  readonly sections?: readonly HelpSection[];
  /**
   * Runs the verb with the arguments after its name. Returns the exit status; if it returns nothing, the status is 0.
   */
  run(context: Context, values: Values): Promise<void> | Promise<number>;
}

export type Verbs = Readonly<Record<string, Verb>>;

export interface Command extends Omit<Verb, 'run'> {
  readonly name: string;
  /** Verbs by name, in the order of the help. Without `run`, `options` lists the options that every verb accepts. */
  readonly verbs?: Verbs;
  /** Log format if --log is not given. */
  readonly log?: LogFormat;
  /** `true` if the arguments are the text of a message, which may contain any bytes. */
  readonly sendsText?: boolean;
  /** Heading of the command's group in `mq --help`. */
  readonly group: string;
  /** Topic of `mq help` whose page describes the command. */
  readonly topic: string;
  /** Returns the help for the words after the name. If absent, the help is built from the fields above. */
  readonly help?: (words: readonly string[], width: number) => Promise<string>;
  /** Returns completions for the words after the name. If absent, `usage` and `verbs` define them. */
  readonly completes?: (words: readonly string[], names: KnownNames) => Promise<readonly Candidate[]>;
  /** Returns the options to complete after the words. If absent, `options` and `verbs` define them. */
  readonly completedOptions?: (words: readonly string[]) => Promise<readonly Option[]>;
  /** Runs the command if no verb is named. If absent, a verb is required. */
  readonly run?: Verb['run'];
}
