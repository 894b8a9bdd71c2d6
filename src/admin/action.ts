// Defines an action of mq admin: its command line, its request, and its output.

import type { MqError } from '../errors.ts';
import type { Management, Method } from './client.ts';
import type { ApiObject } from './json.ts';

export interface Argument {
  readonly name: string;
  readonly isOptional?: true;
  /** Accepts all remaining arguments, as `Call.rest`. */
  readonly isRest?: true;
}

export interface Action {
  /** First word: list, show, create, … */
  readonly verb: string;
  /** Second word, or `undefined` if the verb has none. For a list it is in the plural. */
  readonly noun?: string;
  /** Description in the list of actions: an imperative of at most 60 characters. */
  readonly summary: string;
  /** Sentences for the help of the action. */
  readonly details?: string;
  readonly args?: readonly Argument[];
  /** Options of the example in the help, if the action requires one. */
  readonly exampleOptions?: string;
  /** Names of the options, in addition to those that all actions, or all actions with this verb, accept. */
  readonly options?: readonly string[];
  /** `true` if the object of the action belongs to a vhost. The action then accepts --vhost. */
  readonly isInVhost?: boolean;
  /**
   * Method and path after /api. `:vhost` and the names of arguments are placeholders. Used for help, and by `run` of
   * most actions.
   */
  readonly request: `${Method} /${string}`;
  /** `true` if the action prints a line of text, so that it does not accept --columns. */
  readonly isLine?: true;
  /** Default columns of a list. */
  readonly columns?: readonly string[];
  /** Returns a question that asks for consent before a destructive action. */
  readonly question?: (call: Call) => string | Promise<string>;
  readonly run: (call: Call) => Promise<Result>;
}

/** Returns the numbers of messages and consumers of queues. Omits queues that do not exist or are not accessible. */
export type Depths = (
  vhost: string,
  queues: readonly string[],
) => Promise<ReadonlyMap<string, { readonly ready: number; readonly consumers: number }>>;

/** A parsed command line with access to the broker. */
export interface Call {
  readonly action: Action;
  readonly api: Management;
  /** Vhost of --vhost or of the address. `undefined` if none is named. */
  readonly vhost: string | undefined;
  /** Arguments after the named ones. */
  readonly rest: readonly string[];
  /** Returns an argument by its name, or '' if it is omitted. */
  arg(name: string): string;
  /** Returns the value of an option. */
  text(name: string): string | undefined;
  /** Returns all values of an option that can be repeated. */
  list(name: string): readonly string[];
  flag(name: string): boolean | undefined;
  /** Returns a whole number of at least `min`. */
  whole(name: string, range: { min: number; max?: number }): number | undefined;
  /** Returns the text of a file; `-` is standard input. Throws NO_INPUT, and INTERRUPTED or TERMINATED at a signal. */
  read(file: string): Promise<string>;
  /** Writes a file. Throws CANNOT_CREATE if that fails. */
  write(file: string, text: string): Promise<void>;
  /** Returns the new password of a user: from a file, the environment, or a prompt. */
  newPassword(): Promise<string>;
  /** Reads the depths of queues over AMQP. `undefined` if the AMQP address is not proven to belong to this broker. */
  readonly depths?: Depths | undefined;
  /** Runs a command in the container of a node. Returns `undefined` if `mq cluster` did not start the node. */
  control?(node: string, command: readonly string[]): Promise<{ exitCode: number; output: string } | undefined>;
  /** Writes a line to stderr. */
  say(line: string): void;
  /** Returns a USAGE error. */
  usage(message: string): MqError;
}

export type Result =
  /** A list. `status` is the exit status, here and below: 1 means that a check failed. */
  | {
      readonly kind: 'items';
      readonly columns: readonly string[];
      readonly items: readonly ApiObject[];
      readonly status?: 0 | 1;
    }
  | { readonly kind: 'item'; readonly item: ApiObject }
  /** A change or a check: a line of text, and the object that --json prints. */
  | { readonly kind: 'done'; readonly line: string; readonly item: ApiObject; readonly status?: 0 | 1 }
  /** JSON text that is printed unchanged. */
  | { readonly kind: 'text'; readonly text: string };

/** Returns the vhost of the action, which defaults to `/`. */
export function vhostOf({ vhost }: Pick<Call, 'vhost'>): string {
  return vhost ?? '/';
}
