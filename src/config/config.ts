// The checked configuration: what rascal.json says after it was found, parsed, filled from the environment,
// checked, laid over the built-in one and brought to one form (arrays and shorthands are keyed objects here).

export interface Config {
  /** The file it came from, as the user would name it; undefined when only the built-in one is used. */
  readonly file: string | undefined;
  /** The folder of that file: relative handler paths start there. */
  readonly folder: string | undefined;
  readonly vhosts: Readonly<Record<string, VhostConfig>>;
  readonly publications: Readonly<Record<string, PublicationConfig>>;
  readonly subscriptions: Readonly<Record<string, SubscriptionConfig>>;
  readonly roles: Readonly<Record<string, RoleConfig>>;
  readonly retry: RetryConfig;
  /** Of `mq.subscriptions`, by subscription. */
  readonly retries: Readonly<Record<string, OwnRetryConfig>>;
  /** The names that the user's file defines or refers to, if the built-in file is below it. */
  readonly own?: { readonly publications: readonly string[]; readonly subscriptions: readonly string[] };
  /** Queues of the file from which the broker drops messages that come back too often. */
  readonly dropping?: readonly { readonly vhost: string; readonly queue: string }[];
  /** Rascal's other top-level fields, passed on as they are: defaults, encryption, redeliveries. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** A file after its checks. */
export interface CheckedConfig {
  /** The topology that the user's file defines. Without a file of the user, the built-in one. */
  readonly config: Config;
  /** The user's file laid over the built-in one: for the built-in roles. */
  readonly withBuiltin: Config;
}

/** Returns the file's own configuration if it defines what the role uses, else the one with the built-in roles. */
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

/** Returns the names of the subscriptions that a role receives from. */
export function subscriptionsOf(role: Pick<RoleConfig, 'subscription' | 'subscriptions'>): readonly string[] {
  return role.subscriptions ?? (role.subscription === undefined ? [] : [role.subscription]);
}

export interface VhostConfig {
  /** In order of trial; empty: Rascal's default (amqp://guest@localhost). */
  readonly connections: readonly ConnectionConfig[];
  readonly namespace?: string | boolean;
  readonly exchanges: Readonly<Record<string, ExchangeConfig>>;
  readonly queues: Readonly<Record<string, QueueConfig>>;
  readonly bindings: readonly BindingConfig[];
  /** Rascal's other fields of a vhost, as they are. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Files in PEM. A relative name starts at the working folder. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A connection as attributes; a `url` in rascal.json has been taken apart. */
export interface ConnectionConfig {
  readonly protocol?: 'amqp' | 'amqps';
  readonly hostname?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly vhost?: string;
  /** Query of the URL: heartbeat, frameMax, channelMax, … */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly socketOptions?: Readonly<Record<string, unknown>>;
  /** Files with what `socketOptions` lacks of TLS. */
  readonly tlsFiles?: TlsFiles;
  /** --insecure: the broker's certificate is not verified. A file cannot say so. */
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
  /** `true`: Rascal makes the name unique (`name:uuid`). */
  readonly replyTo?: boolean | string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** One binding, one key. */
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

/** What the words after the role's name are: the text; a routing key and the text; binding keys; none. */
export const argumentForms = ['text', 'key text', 'keys', 'none'] as const;
export type ArgumentForm = (typeof argumentForms)[number];

/** The forms of stderr. */
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** From the least to the most important. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** One row of the table of roles. */
export interface RoleConfig {
  readonly behaviour: Behaviour;
  /** For `publish` and `request`. */
  readonly publication?: string;
  /** For `consume` and `reply`. */
  readonly subscription?: string;
  /** Several of them, instead of `subscription`. */
  readonly subscriptions?: readonly string[];
  /** One line of help. */
  readonly summary?: string;
  readonly arguments?: ArgumentForm;
  /** The word for the keys in help: `severity`, `pattern`. */
  readonly keyName?: string;
  /** Sent when no text is given. */
  readonly text?: string;
  /** Used when no key is given. */
  readonly routingKey?: string;
  readonly persistent?: boolean;
  readonly prefetch?: number;
  readonly concurrency?: number;
  readonly handler?: HandlerConfig;
  readonly retry?: OwnRetryConfig;
  /** Milliseconds that the messages in hand have after the first signal. */
  readonly drain?: number;
  /** The address that metrics are served on. */
  readonly metrics?: string | number;
  readonly log?: LogFormat;
  readonly logLevel?: LogLevel;
}

/** Exactly one of the four. `timeout`: the most milliseconds for one message. */
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

/** Several messages in one call of the handler. */
export interface BatchConfig {
  /** The most messages of one call. Absent: each message is a call. */
  readonly batch?: number;
  /** Milliseconds that a batch waits until it is full. Default 1000. */
  readonly batchWait?: number;
}

/** The environment of a handler that is a program. */
export interface ChildConfig {
  /** Variables that are set. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names and patterns (`AWS_*`) of variables that are inherited as well. */
  readonly passEnv?: readonly string[];
  /** Only the usual variables (PATH, HOME, …) and those of `passEnv` are inherited. */
  readonly cleanEnv?: boolean;
}

/** What happens to a message that fails: again after a pause, and dead in the end; dead at once; back to its queue; gone; the role ends. */
export const failurePolicies = ['retry', 'dead-letter', 'requeue', 'drop', 'exit'] as const;
export type FailurePolicy = (typeof failurePolicies)[number];

/** Retry with back-off. `delays`: milliseconds before attempt 2, 3, …; the last one repeats. */
export interface RetryConfig {
  readonly attempts: number;
  readonly delays: readonly number[];
  /** Where dead messages go; absent: to the queue `<queue>.dead`; false: nowhere. */
  readonly deadLetter?: DeadLetterConfig | false;
  /** Absent: retry. */
  readonly onFail?: FailurePolicy;
}

/** `queue`: of rascal.json, in the vhost of the subscription; so is the publication's vhost. */
export type DeadLetterConfig = { readonly publication: string } | { readonly queue: string };

/** The retry settings of one role or one subscription, over those of the file. `false`: one attempt, no dead letters. */
export type OwnRetryConfig = Partial<RetryConfig> | false;
