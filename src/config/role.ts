// Defines the roles of rascal.json and their retry settings, and converts the two notations of a role to one.

import { listOf, type Plain } from './plain.ts';

export const behaviours = ['publish', 'consume', 'request', 'reply'] as const;
export type Behaviour = (typeof behaviours)[number];
type SendingBehaviour = 'publish' | 'request';
type ReceivingBehaviour = Exclude<Behaviour, SendingBehaviour>;

/**
 * Meaning of the arguments after a role's name: the text, a routing key and the text, binding keys, or no arguments.
 */
export const argumentForms = ['text', 'key text', 'keys', 'none'] as const;
type ArgumentForm = (typeof argumentForms)[number];

/** Log formats on stderr. */
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** Log levels from least to most important. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Settings of one role. */
export type RoleConfig = SendingRole | ReceivingRole;

/** Settings that every role can have. */
interface CommonSettings {
  /** One-line summary for help. */
  readonly summary?: string;
  readonly arguments?: ArgumentForm;
  /** Name of the routing or binding keys in help: `severity`, `pattern`. */
  readonly keyName?: string;
  /** Time to finish messages after the first signal, in milliseconds. */
  readonly drain?: number;
  /** Listen address of the metrics endpoint. */
  readonly metrics?: string | number;
  readonly log?: LogFormat;
  readonly logLevel?: LogLevel;
}

/** A role that publishes messages or sends requests. */
export interface SendingRole extends CommonSettings {
  readonly behaviour: SendingBehaviour;
  readonly publication: string;
  /** Message body if no text is given. */
  readonly text?: string;
  /** Routing key if no key is given. */
  readonly routingKey?: string;
  readonly persistent?: boolean;
}

/** A role that handles messages or replies to requests. */
export interface ReceivingRole extends CommonSettings {
  readonly behaviour: ReceivingBehaviour;
  readonly subscriptions: readonly string[];
  readonly prefetch?: number;
  readonly concurrency?: number;
  readonly handler?: HandlerConfig;
  readonly retry?: OwnRetryConfig;
}

export function isReceiving(role: RoleConfig): role is ReceivingRole {
  return !isSending(role);
}

export function isSending(role: RoleConfig): role is SendingRole {
  return isSendingBehaviour(role.behaviour);
}

function isSendingBehaviour(behaviour: Behaviour): behaviour is SendingBehaviour {
  return behaviour === 'publish' || behaviour === 'request';
}

/** Returns a role that uses the named publication or subscriptions and has no other settings. */
export function roleFor(behaviour: Behaviour, names: readonly string[]): RoleConfig {
  return isSendingBehaviour(behaviour)
    ? { behaviour, publication: names[0] ?? '' }
    : { behaviour, subscriptions: names };
}

/** Names of publications and subscriptions. */
export interface Uses {
  readonly publications: readonly string[];
  readonly subscriptions: readonly string[];
}

/** Returns the names of the publications and subscriptions that a role uses. */
export function usesOf(role: RoleConfig): Uses {
  return isReceiving(role)
    ? { publications: [], subscriptions: role.subscriptions }
    : { publications: [role.publication], subscriptions: [] };
}

/** Names of the built-in handlers. */
export const builtinHandlers = ['print', 'append', 'work', 'fibonacci', 'echo'] as const;

/** A handler of exactly one of the four kinds. `timeout` limits the time for one message, in milliseconds. */
export type HandlerConfig =
  | { readonly builtin: (typeof builtinHandlers)[number]; readonly timeout?: number }
  | ({ readonly exec: readonly string[]; readonly timeout?: number } & ChildConfig)
  | ({
      readonly execLines: readonly string[];
      readonly timeout?: number;
      readonly recycleAfter?: string | number;
    } & ChildConfig &
      BatchConfig)
  | ({ readonly module: string; readonly timeout?: number } & BatchConfig);

/** Settings of a handler that receives several messages in one call. */
interface BatchConfig {
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
  /** `true` if the work queue delays the next attempt itself, so that no wait queue is used. */
  readonly native?: boolean;
}

/** Target of dead letters: a publication, or a queue of rascal.json. Both must be in the vhost of the subscription. */
export type DeadLetterConfig = { readonly publication: string } | { readonly queue: string };

/**
 * Retry settings of one role or subscription, which override those of the file. `false` means one attempt and no dead
 * letters.
 */
export type OwnRetryConfig = Partial<RetryConfig> | false;

/** Returns the kind of item that a behaviour uses. */
export function useOf(behaviour: Behaviour): 'publication' | 'subscription' {
  return isSendingBehaviour(behaviour) ? 'publication' : 'subscription';
}

/** Expands `"reply": "thumbs"` to `"behaviour": "reply", "subscription": "thumbs"`. */
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
