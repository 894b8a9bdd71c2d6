// Merges the user's file over the built-in one, item by item.

import type { BindingConfig, Config, VhostConfig } from '../config.ts';
import { dictionary } from '../plain.ts';
import { applyDefaults } from './defaults.ts';
import type { PartialConfig } from './normalise.ts';

/**
 * Returns the merged configuration. A user's item replaces the whole built-in item of the same name; bindings are
 * added.
 */
export function mergeConfigs(builtin: PartialConfig, user: PartialConfig): Config {
  const names = new Set([...Object.keys(builtin.vhosts), ...Object.keys(user.vhosts)]);
  const declare = user.declare ?? builtin.declare;
  return applyDefaults({
    file: user.file,
    folder: user.folder,
    vhosts: dictionary([...names].map((name) => [name, mergeVhosts(builtin.vhosts[name], user.vhosts[name])])),
    publications: overridden(builtin.publications, user.publications),
    subscriptions: overridden(builtin.subscriptions, user.subscriptions),
    roles: overridden(builtin.roles, user.roles),
    retry: { attempts: 5, delays: [1000], ...builtin.retry, ...user.retry },
    retries: overridden(builtin.retries, user.retries),
    ...(declare !== undefined && { declare }),
    delays: overridden(builtin.delays, user.delays),
    schemas: {
      publications: overridden(builtin.schemas.publications, user.schemas.publications),
      subscriptions: overridden(builtin.schemas.subscriptions, user.schemas.subscriptions),
      ...(user.schemas.places && { places: user.schemas.places }),
    },
    ...(user.delayName !== undefined && { delayName: user.delayName }),
    ...(user.owns !== undefined && { owns: user.owns }),
    ...(user.bench !== undefined && { bench: user.bench }),
    policies: overridden(builtin.policies, user.policies),
    operatorPolicies: overridden(builtin.operatorPolicies, user.operatorPolicies),
    rest: { ...builtin.rest, ...user.rest },
  });
}

const noVhost: VhostConfig = { connections: [], exchanges: {}, queues: {}, bindings: [], rest: {} };

/** Returns the built-in vhost with the user's vhost merged over it. */
export function mergeVhosts(builtin: VhostConfig = noVhost, user: VhostConfig = noVhost): VhostConfig {
  return {
    ...builtin,
    ...user,
    connections: user.connections.length > 0 ? user.connections : builtin.connections,
    exchanges: overridden(builtin.exchanges, user.exchanges),
    queues: overridden(builtin.queues, user.queues),
    bindings: distinct([...builtin.bindings, ...user.bindings]),
    rest: { ...builtin.rest, ...user.rest },
  };
}

function overridden<Value>(under: Readonly<Record<string, Value>>, over: Readonly<Record<string, Value>>) {
  return dictionary([...Object.entries(under), ...Object.entries(over)]);
}

function distinct(bindings: readonly BindingConfig[]): BindingConfig[] {
  return [...new Map(bindings.map((binding) => [identity(binding), binding])).values()];
}

// AMQP 0-9-1 reference, 1.7.2.3: two bindings are the same if queue, exchange, key and arguments are equal.
function identity({ source, destination, destinationType, bindingKey, qualifyBindingKeys, options }: BindingConfig) {
  const rest = Object.entries(options ?? {}).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([source, destination, destinationType, bindingKey, qualifyBindingKeys === true, rest]);
}
