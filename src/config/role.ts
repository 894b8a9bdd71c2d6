// Defines the roles of rascal.json and their retry settings, and converts the two notations of a role to one.

import { listOf, type Plain } from './plain.ts';

export const behaviours = ['publish', 'consume', 'request', 'reply'] as const;
export type Behaviour = (typeof behaviours)[number];

/**
 * Meaning of the arguments after a role's name: the text, a routing key and the text, binding keys, or no arguments.
 */
export const argumentForms = ['text', 'key text', 'keys', 'none'] as const;
export type ArgumentForm = (typeof argumentForms)[number];

/** Log formats on stderr. */
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** Log levels from least to most important. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Settings of one role. */
export interface RoleConfig {
  readonly behaviour: Behaviour;
  /** Set for `publish` and `request`. */
  readonly publication?: string;
  /** Set for `consume` and `reply`. */
  readonly subscription?: string;
  /** Set instead of `subscription` if there are several. */
  readonly subscriptions?: readonly string[];
  /** One-line summary for help. */
  readonly summary?: string;
  readonly arguments?: ArgumentForm;
  /** Word for the keys in help: `severity`, `pattern`. */
  readonly keyName?: string;
  /** Message body if no text is given. */
  readonly text?: string;
  /** Routing key if no key is given. */
  readonly routingKey?: string;
  readonly persistent?: boolean;
  readonly prefetch?: number;
  readonly concurrency?: number;
  readonly handler?: HandlerConfig;
  readonly retry?: OwnRetryConfig;
  /** Time for unfinished messages after the first signal, in milliseconds. */
  readonly drain?: number;
  /** Listen address of the metrics endpoint. */
  readonly metrics?: string | number;
  readonly log?: LogFormat;
  readonly logLevel?: LogLevel;
}

/** A handler of exactly one of the four kinds. `timeout` limits the time for one message, in milliseconds. */
export type HandlerConfig =
  | { readonly builtin: 'print' | 'append' | 'work' | 'fibonacci' | 'echo'; readonly timeout?: number }
  | ({ readonly exec: readonly string[]; readonly timeout?: number } & ChildConfig)
  | ({
      readonly execLines: readonly string[];
      readonly timeout?: number;
      readonly recycleAfter?: string | number;
    } & ChildConfig &
      BatchConfig)
  | ({ readonly module: string; readonly timeout?: number } & BatchConfig);

/** Settings of a handler that receives several messages in one call. */
export interface BatchConfig {
  /** Maximum number of messages in one call. If absent, each call receives one message. */
  readonly batch?: number;
  /** Maximum time to wait for a full batch, in milliseconds. Default 1000. */
  readonly batchWait?: number;
}

/** Environment of a handler that is a program. */
export interface ChildConfig {
  /** Variables to set. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names and patterns (`AWS_*`) of additional variables to inherit. */
  readonly passEnv?: readonly string[];
  /** If `true`, the program inherits only the usual variables (PATH, HOME, …) and those of `passEnv`. */
  readonly cleanEnv?: boolean;
}

/**
 * Policies for a failed message: retry with back-off and dead-letter it in the end, dead-letter it at once, return it
 * to its queue, drop it, or end the role.
 */
export const failurePolicies = ['retry', 'dead-letter', 'requeue', 'drop', 'exit'] as const;
export type FailurePolicy = (typeof failurePolicies)[number];

/** Settings for retries with back-off. `delays` are the milliseconds before attempts 2, 3, …; the last one repeats. */
export interface RetryConfig {
  readonly attempts: number;
  readonly delays: readonly number[];
  /**
   * Target of dead letters. If absent, it is the queue `<queue>.dead`; `false` means that there are no dead letters.
   */
  readonly deadLetter?: DeadLetterConfig | false;
  /** Defaults to `retry`. */
  readonly onFail?: FailurePolicy;
}

/** Target of dead letters: a publication, or a queue of rascal.json. Both must be in the vhost of the subscription. */
export type DeadLetterConfig = { readonly publication: string } | { readonly queue: string };

/**
 * Retry settings of one role or subscription, which override those of the file. `false` means one attempt and no dead
 * letters.
 */
export type OwnRetryConfig = Partial<RetryConfig> | false;

/** Returns the names of the subscriptions that a role consumes from. */
export function subscriptionsOf(role: Pick<RoleConfig, 'subscription' | 'subscriptions'>): readonly string[] {
  return role.subscriptions ?? (role.subscription === undefined ? [] : [role.subscription]);
}

/** Returns the kind of item that a behaviour uses. */
export function useOf(behaviour: Behaviour): 'publication' | 'subscription' {
  return behaviour === 'publish' || behaviour === 'request' ? 'publication' : 'subscription';
}

/** Expands `"reply": "thumbs"` to its behaviour and subscription. */
export function expandRole(role: Plain): Plain {
  const short = behaviours.find((behaviour) => Object.hasOwn(role, behaviour));
  if (short === undefined) return role;
  const { [short]: name, ...rest } = role;
  return { ...rest, behaviour: short, [useOf(short)]: name };
}

/** Returns the subscriptions that an expanded role names. */
export function subscriptionNames({ subscription, subscriptions }: Plain): string[] {
  return [...listOf(subscription), ...listOf(subscriptions)].filter((name) => typeof name === 'string');
}
