// Defines the checked configuration: rascal.json after parsing, replacing variables, checking, and merging with the
// built-in file. Lists and shorthands have become objects with keys.

export interface Config {
  /** Name of the user's file as the user wrote it, or `undefined` if only the built-in file is used. */
  readonly file: string | undefined;
  /** Folder of the user's file. Relative handler paths are resolved against it. */
  readonly folder: string | undefined;
  readonly vhosts: Readonly<Record<string, VhostConfig>>;
  readonly publications: Readonly<Record<string, PublicationConfig>>;
  readonly subscriptions: Readonly<Record<string, SubscriptionConfig>>;
  readonly roles: Readonly<Record<string, RoleConfig>>;
  readonly retry: RetryConfig;
  /** Retry settings from `mq.subscriptions`, by subscription. */
  readonly retries: Readonly<Record<string, OwnRetryConfig>>;
  /** Names that the user's file defines or refers to. Set only if the file is merged with the built-in one. */
  readonly own?: { readonly publications: readonly string[]; readonly subscriptions: readonly string[] };
  /** Queues of the file from which the broker drops messages after too many redeliveries. */
  readonly dropping?: readonly { readonly vhost: string; readonly queue: string }[];
  /** Rascal's other top-level fields, unchanged: defaults, encryption, redeliveries. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Configurations of a file that passed all checks. */
export interface CheckedConfig {
  /** The topology of the user's file, or the built-in one if there is no user's file. */
  readonly config: Config;
  /** The user's file merged over the built-in one, for the built-in roles. */
  readonly withBuiltin: Config;
}

/**
 * Returns the configuration of the user's file if it defines what the role uses, otherwise the one with the built-in
 * roles.
 */
export function configFor(
  { config, withBuiltin }: CheckedConfig,
  role: Pick<RoleConfig, 'publication' | 'subscription' | 'subscriptions'>,
): Config {
  const names = subscriptionsOf(role);
  const isOwn =
    Object.hasOwn(config.publications, role.publication ?? '') ||
    (names.length > 0 && names.every((name) => Object.hasOwn(config.subscriptions, name)));
  return isOwn ? config : withBuiltin;
}

/** Returns the names of the subscriptions that a role consumes from. */
export function subscriptionsOf(role: Pick<RoleConfig, 'subscription' | 'subscriptions'>): readonly string[] {
  return role.subscriptions ?? (role.subscription === undefined ? [] : [role.subscription]);
}

export interface VhostConfig {
  /** Connections in the order in which they are tried. If empty, Rascal's default is used (amqp://guest@localhost). */
  readonly connections: readonly ConnectionConfig[];
  readonly namespace?: string | boolean;
  readonly exchanges: Readonly<Record<string, ExchangeConfig>>;
  readonly queues: Readonly<Record<string, QueueConfig>>;
  readonly bindings: readonly BindingConfig[];
  /** Rascal's other vhost fields, unchanged. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Names of PEM files. Relative names are resolved against the working folder. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A connection as attributes. A `url` in rascal.json has been parsed into these fields. */
export interface ConnectionConfig {
  readonly protocol?: 'amqp' | 'amqps';
  readonly hostname?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly vhost?: string;
  /** Parameters from the query of the URL: heartbeat, frameMax, channelMax, … */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly socketOptions?: Readonly<Record<string, unknown>>;
  /** PEM files for the TLS options that `socketOptions` does not set. */
  readonly tlsFiles?: TlsFiles;
  /** Set by --insecure: the broker's certificate is not verified. rascal.json cannot set it. */
  readonly insecure?: boolean;
  readonly retry?: unknown;
  readonly management?: unknown;
}

export interface ExchangeConfig {
  readonly type?: string;
  readonly assert?: boolean;
  readonly check?: boolean;
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface QueueConfig {
  readonly assert?: boolean;
  readonly check?: boolean;
  readonly purge?: boolean;
  /** If `true`, Rascal makes the name unique (`name:uuid`). */
  readonly replyTo?: boolean | string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** A binding with a single key. */
export interface BindingConfig {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly bindingKey: string;
  readonly qualifyBindingKeys?: boolean;
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface PublicationConfig {
  readonly vhost: string;
  readonly exchange?: string;
  readonly queue?: string;
  readonly routingKey?: string;
  readonly confirm?: boolean;
  readonly timeout?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly encryption?: unknown;
  readonly replyTo?: string;
}

export interface SubscriptionConfig {
  readonly vhost: string;
  readonly queue: string;
  readonly prefetch?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly rest: Readonly<Record<string, unknown>>;
}

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
