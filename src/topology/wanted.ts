// Computes the topology that mq declares from a rascal.json, with the names that exchanges and queues have on the broker.

import {
  type BindingConfig,
  type Config,
  type ExchangeConfig,
  isPrivate,
  namePrefix,
  type PoliciesByVhost,
  type QueueConfig,
  queueArguments,
  type VhostConfig,
} from '../config/config.ts';
import { objectOf, type Plain, stringOf, without } from '../config/plain.ts';
import { madeQueues } from '../config/retry-queues.ts';
import { isReceiving } from '../config/role.ts';
import { configuredDelays, delayName } from '../delay/configured.ts';
import { defaultDelayName } from '../delay/objects.ts';
import type { TopologyBinding, TopologyExchange, TopologyPolicy, TopologyQueue } from './topology.ts';

export interface WantedTopology {
  readonly exchanges: readonly WantedExchange[];
  readonly queues: readonly WantedQueue[];
  readonly bindings: readonly TopologyBinding[];
  readonly policies: readonly TopologyPolicy[];
  readonly operatorPolicies: readonly TopologyPolicy[];
  /** `undefined` if rascal.json owns nothing. */
  readonly ownership?: Ownership;
}

/** Names that mq may delete, and names that it keeps. */
interface Ownership {
  /** Patterns of the names that mq may delete. */
  readonly patterns: readonly string[];
  /** Names in all vhosts of the file, also of queues that only a role declares. */
  readonly definedExchanges: readonly string[];
  readonly definedQueues: readonly string[];
  /** Queues that roles bind with the keys of a command line. */
  readonly queuesBoundByRoles: readonly string[];
  /** Starts of the names of exchanges and queues that roles declare for delayed messages. */
  readonly delayNames: readonly string[];
}

interface Wanted {
  /** `false` if mq does not declare it (`"assert": false`), so that another client must. */
  readonly isDeclared: boolean;
}

export type WantedExchange = TopologyExchange & Wanted;

export type WantedQueue = TopologyQueue &
  Wanted & {
    /** Queue on the broker whose failed messages this queue receives, if mq declares it for them. */
    readonly for?: string;
  };

/**
 * Returns what mq declares in a vhost of the file. Omits queues whose name is unique for each consumer, and bindings to
 * exclusive queues, because only a role that receives from them declares them.
 * @param name name of the vhost in rascal.json
 * @param withPrivate includes these queues and bindings, as they are while all roles run. A queue of which each consumer has
 * its own is one queue, whose name ends with `:*`.
 */
export function wantedTopology(config: Config, name: string, { withPrivate = false } = {}): WantedTopology {
  const vhost = config.vhosts[name];
  if (vhost === undefined) return noTopology;
  const prefix = namePrefix(vhost);
  const delays = configuredDelays(config, name);
  const made = madeQueues(config).filter((one) => one.vhost === name);
  return {
    exchanges: [
      ...Object.entries(vhost.exchanges).map(([key, exchange]) => wantedExchange(prefix + key, exchange)),
      ...delays.exchanges.map((one) => ({ ...one, isDeclared: true })),
    ],
    queues: [
      ...Object.entries(vhost.queues)
        .filter(([, { replyTo }]) => withPrivate || replyTo !== true)
        .map(([key, queue]) => wantedQueue(queueName(vhost, key), queue, prefix)),
      ...made.map(({ name: key, workQueue, arguments: given }) => ({
        ...wantedQueue(prefix + key, { options: { arguments: given } }, prefix),
        for: queueName(vhost, workQueue),
      })),
      ...delays.queues.map((one) => ({ ...one, isDeclared: true })),
    ],
    bindings: [
      ...vhost.bindings.filter((one) => isBound(vhost, one, withPrivate)).map((one) => wantedBinding(vhost, one)),
      ...delays.bindings,
    ],
    policies: wantedPolicies(config.policies[name], 'all'),
    operatorPolicies: wantedPolicies(config.operatorPolicies[name], 'queues'),
    ...(config.owns !== undefined && { ownership: ownershipOf(config, config.owns, name) }),
  };
}

function ownershipOf(config: Config, patterns: readonly string[], name: string): Ownership {
  const { vhosts, roles, subscriptions } = config;
  const namesOf = (kind: 'exchanges' | 'queues') =>
    Object.values(vhosts).flatMap((vhost) => Object.keys(vhost[kind]).map((key) => namePrefix(vhost) + key));
  const boundByRoles = Object.values(roles)
    .filter(isReceiving)
    .filter((role) => role.arguments === 'keys')
    .flatMap((role) => role.subscriptions.flatMap((name) => subscriptions[name] ?? []));
  return {
    patterns,
    definedExchanges: namesOf('exchanges'),
    definedQueues: namesOf('queues'),
    queuesBoundByRoles: boundByRoles.map(({ vhost, queue }) => namePrefix(vhosts[vhost]) + queue),
    delayNames: [delayName(config, name), defaultDelayName],
  };
}

const noTopology: WantedTopology = { exchanges: [], queues: [], bindings: [], policies: [], operatorPolicies: [] };

function wantedPolicies(policies: PoliciesByVhost[string] = {}, kind: 'all' | 'queues'): TopologyPolicy[] {
  return Object.entries(policies).map(([name, { pattern, applyTo = kind, priority = 0, definition }]) => {
    return { name, pattern, applyTo, priority, definition };
  });
}

/** Returns the name of a queue on the broker. Rascal: a text in `replyTo` is the end of the name. */
export function queueName(vhost: VhostConfig, key: string): string {
  const { replyTo } = vhost.queues[key] ?? {};
  const suffix = replyTo === true ? '*' : replyTo;
  return namePrefix(vhost) + key + (suffix ? `:${suffix}` : '');
}

function wantedExchange(name: string, exchange: ExchangeConfig): WantedExchange {
  const { type = 'topic', assert = true, options = {} } = exchange;
  const alternate = options['alternateExchange'];
  return {
    name,
    type,
    durable: options['durable'] !== false,
    autoDelete: Boolean(options['autoDelete']),
    internal: Boolean(options['internal']),
    arguments: {
      ...objectOf(options['arguments']),
      ...(alternate !== undefined && { 'alternate-exchange': alternate }),
    },
    isDeclared: assert,
  };
}

function wantedQueue(name: string, queue: QueueConfig, prefix: string): WantedQueue {
  const { assert = true, options = {} } = queue;
  const all = queueArguments(queue);
  return {
    name,
    type: stringOf(all['x-queue-type']),
    durable: options['durable'] !== false,
    autoDelete: Boolean(options['autoDelete']),
    exclusive: Boolean(options['exclusive']) || queue.replyTo === true,
    arguments: qualified(without(all, ['x-queue-type']), { options, prefix }),
    isDeclared: assert,
  };
}

/** Rascal: only the argument gets the namespace, not the option `deadLetterExchange` nor a routing key. */
function qualified(all: Plain, { options, prefix }: { options: Plain; prefix: string }): Plain {
  const exchange = all['x-dead-letter-exchange'];
  if (typeof exchange !== 'string' || exchange === '' || options['deadLetterExchange'] !== undefined) return all;
  return { ...all, 'x-dead-letter-exchange': prefix + exchange };
}

function isBound(
  vhost: VhostConfig,
  { source, destination, destinationType }: BindingConfig,
  withPrivate: boolean,
): boolean {
  if (vhost.exchanges[source] === undefined) return false;
  if (destinationType === 'exchange') return vhost.exchanges[destination] !== undefined;
  const queue = vhost.queues[destination];
  return queue !== undefined && (withPrivate || !isPrivate(queue));
}

function wantedBinding(vhost: VhostConfig, binding: BindingConfig): TopologyBinding {
  const { source, destination, destinationType, bindingKey, qualifyBindingKeys, options } = binding;
  const prefix = namePrefix(vhost);
  return {
    source: prefix + source,
    destination: destinationType === 'queue' ? queueName(vhost, destination) : prefix + destination,
    destinationType,
    key: qualifyBindingKeys === true && bindingKey !== '' ? prefix + bindingKey : bindingKey,
    arguments: objectOf(options),
  };
}
