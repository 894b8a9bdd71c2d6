// Defines the checked configuration: rascal.json after parsing, replacing variables, checking, and merging with the
// built-in file. Lists and shorthands have become objects with keys.

import type { Login, Mechanism, TlsFiles, TokenSource } from '../login/login.ts';
import type { Threshold } from './fields/threshold.ts';
import { objectOf, type Plain, stringOf } from './plain.ts';
import type { FailurePolicy, OwnRetryConfig, RetryConfig, RoleConfig, Uses } from './role.ts';

export { parseThreshold, type Threshold } from './fields/threshold.ts';

export interface Config {
  /** Name of the user's file for messages, or `undefined` if only the built-in file is used. */
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
  /** Policies and operator policies by vhost and name. */
  readonly policies: PoliciesByVhost;
  readonly operatorPolicies: PoliciesByVhost;
  /** Names that the user's file defines or refers to. Set only if all of the built-in file is merged in. */
  readonly own?: { readonly publications: readonly string[]; readonly subscriptions: readonly string[] };
  /** `false` if roles declare nothing: the queues and exchanges that they need must exist. Default `true`. */
  readonly declare?: boolean;
  /** Patterns of the names that mq apply --prune may delete. Default none. */
  readonly owns?: readonly string[];
  /** Queues of the file from which the broker drops messages after too many redeliveries. */
  readonly dropping?: readonly { readonly vhost: string; readonly queue: string }[];
  /** Delays from `mq.publications`, by publication. */
  readonly delays: Readonly<Record<string, DelayConfig>>;
  /** Schemas of bodies from `mq.publications` and `mq.subscriptions`, by name. */
  readonly schemas: SchemaSettings;
  /** Start of the names of the exchanges and queues for delayed messages. Default `mq.delay`. */
  readonly delayName?: string;
  /** Thresholds of `mq bench` by verb. */
  readonly bench?: Readonly<Record<string, readonly Threshold[]>>;
  /** Login of the command for vhosts without a connection. The other connections contain it. */
  readonly login?: Login;
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
 * Returns the configuration of the user's file if it defines one of the publications or all of the subscriptions.
 * Otherwise returns the one that includes the built-in file.
 */
export function configFor({ config, withBuiltin }: CheckedConfig, { publications, subscriptions }: Uses): Config {
  const isOwn =
    publications.some((name) => Object.hasOwn(config.publications, name)) ||
    (subscriptions.length > 0 && subscriptions.every((name) => Object.hasOwn(config.subscriptions, name)));
  return isOwn ? config : withBuiltin;
}

/** Returns the prefix of all exchange and queue names of a vhost on the broker: `namespace:`, or an empty string. */
export function namePrefix(vhost: VhostConfig | undefined): string {
  return typeof vhost?.namespace === 'string' ? `${vhost.namespace}:` : '';
}

export interface VhostConfig {
  /** Connections in the order in which they are tried. If empty, Rascal's default is used (amqp://guest@localhost). */
  readonly connections: readonly ConnectionConfig[];
  readonly namespace?: string | boolean;
  readonly exchanges: Readonly<Record<string, ExchangeConfig>>;
  readonly queues: Readonly<Record<string, QueueConfig>>;
  readonly bindings: readonly BindingConfig[];
  /** Bindings that mq does not declare here. They tell which streams receive a message. */
  readonly otherBindings?: readonly BindingConfig[];
  /** Rascal's other vhost fields, unchanged. */
  readonly rest: Readonly<Record<string, unknown>>;
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
  /** `auth_mechanism` in the query of the URL. Default: user and password, or the token. */
  readonly mechanism?: Mechanism;
  /** Set by options and variables. rascal.json cannot set it. */
  readonly token?: TokenSource;
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

export type PoliciesByVhost = Readonly<Record<string, Readonly<Record<string, PolicyConfig>>>>;

interface PolicyConfig {
  readonly pattern: string;
  readonly applyTo?: string;
  readonly priority?: number;
  readonly definition: Plain;
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

/**
 * Delay of a publication: a fixed one in milliseconds, or `true` for any delay of a command line. `false` is the same as no
 * delay.
 */
export type DelayConfig = number | boolean;

/** Files with the schemas of bodies, as rascal.json names them: relative to its folder. */
export interface SchemaSettings {
  readonly publications: Readonly<Record<string, string>>;
  readonly subscriptions: Readonly<Record<string, SubscriptionSchema>>;
  /** The places in rascal.json that name the files first, by the name of the file. */
  readonly places?: Readonly<Record<string, SchemaPlace>>;
}

interface SchemaPlace {
  /** Path as in a problem, such as `mq.publications.order.schema`. */
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

interface SubscriptionSchema {
  readonly schema: string;
  /** Policy for a message whose body the schema refuses. Defaults to `dead-letter`. */
  readonly onInvalid?: FailurePolicy;
}

export interface SubscriptionConfig {
  readonly vhost: string;
  readonly queue: string;
  readonly prefetch?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Returns the exchange that receives the unroutable messages of an exchange, if rascal.json sets one. */
export function alternateExchange({ options = {} }: ExchangeConfig): string | undefined {
  // amqplib: an option overrides the argument of the same meaning.
  return stringOf(options['alternateExchange'] ?? objectOf(options['arguments'])['alternate-exchange']);
}

/** Queue arguments by amqplib option. */
export const optionArguments: Readonly<Record<string, string>> = {
  expires: 'x-expires',
  messageTtl: 'x-message-ttl',
  deadLetterExchange: 'x-dead-letter-exchange',
  deadLetterRoutingKey: 'x-dead-letter-routing-key',
  maxLength: 'x-max-length',
  maxPriority: 'x-max-priority',
  overflow: 'x-overflow',
  queueMode: 'x-queue-mode',
};

/** Returns the arguments of queue.declare for the options of a queue, by their AMQP names. */
export function queueArguments({ options = {} }: QueueConfig): Plain {
  const short = Object.entries(optionArguments).filter(([option]) => options[option] !== undefined);
  // amqplib: an option overrides the argument of the same meaning.
  return {
    ...objectOf(options['arguments']),
    ...Object.fromEntries(short.map(([option, argument]) => [argument, options[option]])),
  };
}

/** Returns the type of a queue: `classic`, `quorum` or `stream`. */
export function queueType({ options = {} }: QueueConfig): string {
  return stringOf(objectOf(options['arguments'])['x-queue-type']) ?? 'classic';
}

/** Returns the dead-letter exchange and routing key of a queue. Each is absent if rascal.json does not set it. */
export function deadLetterTarget({ options = {} }: QueueConfig): { exchange?: string; key?: string } {
  const given = objectOf(options['arguments']);
  const exchange = stringOf(options['deadLetterExchange'] ?? given['x-dead-letter-exchange']);
  const key = stringOf(options['deadLetterRoutingKey'] ?? given['x-dead-letter-routing-key']);
  return { ...(exchange !== undefined && { exchange }), ...(key !== undefined && { key }) };
}

/** Reports whether a queue belongs to one connection: it is exclusive, or its name is made unique (replyTo). */
export function isPrivate({ replyTo, options = {} }: QueueConfig): boolean {
  return options['exclusive'] === true || replyTo === true;
}
