// One row of the table of actions: what is typed, what is asked of the broker, and what is shown.

import type { MqError } from '../errors.ts';
import type { Management, Method } from './client.ts';

/** What the broker tells of one thing. */
export type Item = Readonly<Record<string, unknown>>;

export interface Argument {
  readonly name: string;
  readonly isOptional?: true;
  /** Takes all that follow, as `Call.rest`. */
  readonly isRest?: true;
}

export interface Action {
  /** The first word: list, show, create, … */
  readonly verb: string;
  /** The second one; undefined: the verb stands alone. A list has the plural. */
  readonly noun?: string;
  /** Said in help after the words. */
  readonly summary: string;
  readonly args?: readonly Argument[];
  /** The names of the options that it has beside those of all (and of all of its verb). */
  readonly options?: readonly string[];
  /** What it acts on is in a vhost: it takes --vhost. */
  readonly isInVhost?: boolean;
  /** Method and path after /api; `:vhost` and the names of arguments stand for their values. For help, and for `run` of most. */
  readonly request: `${Method} /${string}`;
  /** The columns of a list that are shown where no others are asked for. */
  readonly columns?: readonly string[];
  /** It takes something away: the question that a person is asked first. */
  readonly question?: (call: Call) => string | Promise<string>;
  readonly run: (call: Call) => Promise<Result>;
}

/** Queues that are missing or may not be seen are left out. */
export type Depths = (
  vhost: string,
  queues: readonly string[],
) => Promise<ReadonlyMap<string, { readonly ready: number; readonly consumers: number }>>;

/** One command line, and the broker. */
export interface Call {
  readonly action: Action;
  readonly api: Management;
  /** --vhost, or that of the address; undefined: none is named. */
  readonly vhost: string | undefined;
  /** What follows the named arguments. */
  readonly rest: readonly string[];
  /** An argument by its name; '' where it is left out. */
  arg(name: string): string;
  /** The value of an option. */
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  flag(name: string): boolean | undefined;
  /** A whole number of at least `min`. */
  whole(name: string, range: { min: number; max?: number }): number | undefined;
  /** A file's text; `-` is standard input. Throws NO_INPUT. */
  read(file: string): Promise<string>;
  /** Writes a file. Throws CANNOT_CREATE. */
  write(file: string, text: string): Promise<void>;
  /** The new password of a user: from a file, the environment, or asked for. */
  newPassword(): Promise<string>;
  /** Asks over AMQP for the depths of queues; undefined if AMQP is not known to lead to this broker. */
  readonly depths?: Depths | undefined;
  /** Runs a command in the container of a node; gives undefined where the broker is none of `mq cluster`. */
  control?(node: string, command: readonly string[]): Promise<{ exitCode: number; output: string } | undefined>;
  /** For people, on stderr. */
  say(line: string): void;
  usage(message: string): MqError;
}

export type Result =
  /** `status` 1: the answer is no. */
  | {
      readonly kind: 'items';
      readonly columns: readonly string[];
      readonly items: readonly Item[];
      readonly status?: 0 | 1;
    }
  | { readonly kind: 'item'; readonly item: Item }
  /** Something was done: a line for people, an object for programs. */
  | { readonly kind: 'done'; readonly line: string; readonly item: Item }
  /** JSON, as it is. */
  | { readonly kind: 'text'; readonly text: string };

/** The vhost of what is acted on: `/` where none is named. */
export function vhostOf({ vhost }: Pick<Call, 'vhost'>): string {
  return vhost ?? '/';
}
