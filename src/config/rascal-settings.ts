// Converts the checked configuration to the settings of Rascal's `create`. They contain only what a command needs, and
// no shorthands.

import { MqError } from '../errors.ts';
import { defaultConnection } from '../login/apply.ts';
import { rascalConnection } from './attributes.ts';
import {
  type BindingConfig,
  type Config,
  type ConnectionConfig,
  isPrivate,
  type PublicationConfig,
  type QueueConfig,
  type SubscriptionConfig,
  type VhostConfig,
} from './config.ts';
import { membersOf, objectOf, type Plain, pick, withDefaults } from './plain.ts';
import { connectionDefaults } from './reading/defaults.ts';
import { type NeededTopology, neededTopology } from './reading/needed-topology.ts';
import { didYouMean } from './reading/problem.ts';
import { sharedSocketOptions } from './rules/socket-options.ts';

/** The parts of the configuration that a command needs. */
export interface Needs {
  /** Names of publications. */
  readonly publications: readonly string[];
  readonly subscriptions: readonly string[];
  /** Connections of `--url` or MQ_URL. They replace the file's connections in every vhost. */
  readonly addresses?: readonly ConnectionConfig[];
  /** Binding keys by subscription. They replace the keys of all bindings to the queue of the subscription. */
  readonly bindingKeys?: Readonly<Record<string, readonly string[]>>;
  /** Additional queues to declare, by vhost and name. A queue that the file defines is not changed. */
  readonly extraQueues?: Readonly<Record<string, Readonly<Record<string, QueueConfig>>>>;
  /** Connection name, which the broker shows for each connection. */
  readonly connectionName: string;
  /** Heartbeat if neither the file nor the address sets one. */
  readonly heartbeatSeconds: number;
  /** Prefetch by subscription. */
  readonly prefetch?: Readonly<Record<string, number>>;
  /** If `false`, nothing is declared or bound. Default `true`. */
  readonly declare?: boolean;
}

/** Settings of Rascal's `create`. */
export type RascalSettings = Plain & {
  readonly vhosts: Readonly<Record<string, Plain & { readonly connections: readonly unknown[] }>>;
};

/**
 * Returns the settings for Rascal's `create`, with only the items that the command needs.
 * @throws MqError USAGE for a publication, subscription or vhost that the configuration does not define
 */
export function rascalSettings(config: Config, needs: Needs): RascalSettings {
  const publications = needs.publications.map(
    (name) => [name, find(config.publications, name, 'publication', config.own?.publications)] as const,
  );
  const subscriptions = needs.subscriptions.map(
    (name) => [name, find(config.subscriptions, name, 'subscription', config.own?.subscriptions)] as const,
  );
  const vhosts = new Set([
    ...[...publications, ...subscriptions].map(([, { vhost }]) => vhost),
    ...Object.keys(needs.extraQueues ?? {}),
  ]);
  const defaults = objectOf(config.rest['defaults']);
  const retry = { min: 500, max: needs.heartbeatSeconds * 1000, factor: 2, strategy: 'exponential' };
  return {
    ...pick(config.rest, ['encryption']),
    redeliveries: { counters: countersOf(config) },
    defaults: {
      ...pick(defaults, ['redeliveries']),
      vhosts: {
        ...pick(objectOf(defaults['vhosts']), ['concurrency', 'publicationChannelPools']),
        // Rascal ignores the `retry` of a connection and reads only the `retry` of the defaults.
        connection: { retry },
      },
    },
    vhosts: Object.fromEntries(
      [...vhosts].map((name) => {
        const vhost = find(config.vhosts, name, 'vhost');
        const uses = { publications: inVhost(publications, name), subscriptions: inVhost(subscriptions, name) };
        return [name, vhostSettings({ config, needs, name, vhost, retry, ...uses })];
      }),
    ),
    publications: Object.fromEntries(publications.map(([name, value]) => [name, { ...value, confirm: true }])),
    subscriptions: Object.fromEntries(
      subscriptions.map(([name, value]) => [name, subscriptionSettings(value, needs.prefetch?.[name])]),
    ),
  };
}

type Named<Item> = readonly (readonly [string, Item])[];

function inVhost<Item extends { vhost: string }>(items: Named<Item>, vhost: string): Named<Item> {
  return items.filter(([, item]) => item.vhost === vhost);
}

function subscriptionSettings({ rest, ...value }: SubscriptionConfig, ownPrefetch: number | undefined): Plain {
  const prefetch = ownPrefetch ?? value.prefetch;
  const retry = { min: 500, max: 10_000, factor: 2, strategy: 'exponential' };
  return { retry, ...rest, ...value, ...(prefetch === undefined ? {} : { prefetch }) };
}

/** Returns the item with the name. The error lists the names in `own`, which defaults to all names. */
function find<Item>(
  items: Readonly<Record<string, Item>>,
  name: string,
  kind: string,
  own: readonly string[] = Object.keys(items),
): Item {
  const item = Object.hasOwn(items, name) ? items[name] : undefined;
  if (item !== undefined) return item;
  throw new MqError('USAGE', `rascal.json has no ${kind} ${JSON.stringify(name)}${didYouMean(name, own)}`, {
    ...(own.length > 0 && { hint: `it defines ${own.join(', ')}` }),
  });
}

// Returns the counters as an object. If they were a list, Rascal would lose its default counter, which every
// subscription uses.
function countersOf(config: Config): Plain {
  const members = membersOf(objectOf(config.rest['redeliveries'])['counters']);
  return Object.fromEntries(members.map(({ name = '', value }) => [name, value]));
}

interface VhostNeeds {
  readonly config: Config;
  readonly needs: Needs;
  readonly name: string;
  readonly vhost: VhostConfig;
  /** Back-off that Rascal uses to reconnect. */
  readonly retry: Plain;
  readonly publications: Named<PublicationConfig>;
  readonly subscriptions: Named<SubscriptionConfig>;
}

function vhostSettings({ config, needs, name, vhost, retry, publications, subscriptions }: VhostNeeds) {
  const part = neededTopology(vhost, {
    exchanges: publications.flatMap(([, { exchange }]) => exchange ?? []),
    queues: publications.flatMap(([, { queue, replyTo }]) => [queue, replyTo].filter((one) => one !== undefined)),
    consumed: subscriptions.map(([, { queue }]) => queue),
  });
  const queues = { ...needs.extraQueues?.[name], ...only(vhost.queues, part.queues) };
  for (const queue of Object.keys(needs.extraQueues?.[name] ?? {})) {
    if (Object.hasOwn(vhost.queues, queue) && vhost.queues[queue] !== undefined) queues[queue] = vhost.queues[queue];
  }
  const exchanges = only(vhost.exchanges, part.exchanges);
  return {
    ...pick({ ...vhost }, ['namespace']),
    // `assert` and `check` of the vhost are omitted, because Rascal's management client does not encode names and
    // supports only plain HTTP.
    ...pick(vhost.rest, ['concurrency', 'publicationChannelPools']),
    ...connectionSettings({ config, needs, name, vhost, retry }),
    ...declarations({ exchanges, queues, bindings: bindingsFor({ part, needs, subscriptions }) }, { config, needs }),
  };
}

interface Declarations {
  readonly exchanges: Readonly<Record<string, object>>;
  readonly queues: Readonly<Record<string, QueueConfig>>;
  readonly bindings: Readonly<Record<string, BindingConfig>>;
}

/**
 * Returns what Rascal declares, checks and binds. If roles declare nothing, shared queues and exchanges are only
 * checked. A private queue is declared even then, because no other client can declare it.
 */
function declarations(all: Declarations, { config, needs }: Pick<VhostNeeds, 'config' | 'needs'>): Plain {
  const { exchanges, queues, bindings } = all;
  if (needs.declare === false)
    return { exchanges: each(exchanges, { assert: false }), queues: each(queues, { assert: false }), bindings: {} };
  if (config.declare !== false) return { ...all };
  const checked = { assert: false, check: true };
  const [own, shared] = split(queues, isPrivate);
  const isOwn = ({ destination, destinationType }: BindingConfig) =>
    destinationType === 'queue' && own[destination] !== undefined;
  return {
    exchanges: each(exchanges, checked),
    queues: { ...own, ...each(shared, checked) },
    bindings: split(bindings, isOwn)[0],
  };
}

/** Returns the items that pass the test, and the others. */
function split<Item>(items: Readonly<Record<string, Item>>, test: (item: Item) => boolean) {
  const entries = Object.entries(items);
  const [yes, no] = [entries.filter(([, item]) => test(item)), entries.filter(([, item]) => !test(item))];
  return [Object.fromEntries(yes), Object.fromEntries(no)] as const;
}

function only<Item>(items: Readonly<Record<string, Item>>, names: ReadonlySet<string>): Record<string, Item> {
  return Object.fromEntries(Object.entries(items).filter(([key]) => names.has(key)));
}

function each(items: Readonly<Record<string, object>>, more: object): Record<string, object> {
  return Object.fromEntries(Object.entries(items).map(([key, item]) => [key, { ...item, ...more }]));
}

/** Returns the given addresses with the file's defaults, or the connections of the file if no address is given. */
function connectionSettings({ config, needs, name, vhost, retry }: Omit<VhostNeeds, 'publications' | 'subscriptions'>) {
  const { options, socketOptions, retry: pause } = connectionDefaults(config, vhost);
  const common = { options, socketOptions: sharedSocketOptions(objectOf(socketOptions)), retry: pause };
  const given = needs.addresses?.map((address) =>
    withDefaults(address, pick(common, ['options', 'socketOptions', 'retry'])),
  );
  const connections: readonly ConnectionConfig[] = given ?? vhost.connections;
  const ownRetry = connections.map((connection) => connection.retry).find((one) => typeof one === 'object');
  const { connectionName, heartbeatSeconds } = needs;
  return {
    connectionStrategy: (given === undefined ? vhost.rest['connectionStrategy'] : undefined) ?? 'fixed',
    connections: (connections.length === 0 ? [defaultConnection(config)] : connections).map((connection) =>
      rascalConnection(connection, { vhost: name, connectionName, heartbeatSeconds }),
    ),
    ...(ownRetry === undefined ? {} : { defaults: { connection: { retry: { ...retry, ...objectOf(ownRetry) } } } }),
  };
}

// Returns the bindings with new names. The names contain no "->", because Rascal would parse source, destination and
// keys from such a name.
function bindingsFor({
  part,
  needs,
  subscriptions,
}: {
  part: NeededTopology;
  needs: Needs;
  subscriptions: VhostNeeds['subscriptions'];
}): Record<string, BindingConfig> {
  const keysOf = new Map(
    subscriptions.flatMap(([name, { queue }]) => {
      const keys = needs.bindingKeys?.[name];
      return keys === undefined ? [] : [[queue, keys] as const];
    }),
  );
  const replaced = new Set<string>();
  const bindings = [...part.bindings].flatMap((binding): BindingConfig[] => {
    const keys = binding.destinationType === 'queue' ? keysOf.get(binding.destination) : undefined;
    if (keys === undefined) return [binding];
    const pair = JSON.stringify([binding.source, binding.destination]);
    if (replaced.has(pair)) return [];
    replaced.add(pair);
    return [...new Set(keys)].map((bindingKey) => ({ ...binding, bindingKey }));
  });
  return Object.fromEntries(bindings.map((binding, index) => [`binding ${index + 1}`, binding]));
}
