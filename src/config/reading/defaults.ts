// Copies Rascal's "defaults" into the items to which they apply, so that a Config contains the effective settings.

import type { Config, ConnectionConfig, VhostConfig } from '../config.ts';
import { dictionary, objectOf, type Plain, withDefaults, without } from '../plain.ts';

/** Returns the configuration with its defaults applied. Exchanges get Rascal's default type, topic. */
export function applyDefaults(config: Config): Config {
  const defaults = objectOf(config.rest['defaults']);
  const publication = without(objectOf(defaults['publications']), ['name', 'vhost', 'exchange', 'queue']);
  const subscription = without(objectOf(defaults['subscriptions']), ['name', 'vhost', 'queue']);
  const { prefetch, options, ...rest } = subscription;
  const own = { ...(prefetch === undefined ? {} : { prefetch }), ...(options === undefined ? {} : { options }), rest };
  return {
    ...config,
    vhosts: each(config.vhosts, (vhost) => applyVhostDefaults(vhost, vhostDefaults(config, vhost))),
    publications: each(config.publications, (one) => withDefaults(one, publication)),
    subscriptions: each(config.subscriptions, (one) => withDefaults(one, own)),
  };
}

/** Returns the defaults of the vhost's connections, for addresses that do not come from the file. */
export function connectionDefaults(config: Config, vhost: VhostConfig): ConnectionConfig {
  return objectOf(vhostDefaults(config, vhost)['connection']);
}

function vhostDefaults(config: Config, vhost: VhostConfig): Plain {
  const common = objectOf(objectOf(config.rest['defaults'])['vhosts']);
  const all = withDefaults(objectOf(vhost.rest['defaults']), common);
  // Rascal does not read these fields from the defaults.
  const connection = without(objectOf(all['connection']), ['url', 'vhost', 'index', 'slashes', 'loggableUrl']);
  return { ...all, connection };
}

function applyVhostDefaults(vhost: VhostConfig, defaults: Plain): VhostConfig {
  const connection = objectOf(defaults['connection']);
  const connections = vhost.connections.length === 0 && Object.keys(connection).length > 0 ? [{}] : vhost.connections;
  const { namespace } = defaults;
  return {
    ...(typeof namespace === 'string' || typeof namespace === 'boolean' ? { namespace } : {}),
    ...vhost,
    connections: connections.map((one) => withDefaults(one, connection)),
    exchanges: each(vhost.exchanges, (one) => withDefaults(one, { type: 'topic', ...objectOf(defaults['exchanges']) })),
    queues: each(vhost.queues, (one) => withDefaults(one, objectOf(defaults['queues']))),
  };
}

function each<Item>(items: Readonly<Record<string, Item>>, change: (item: Item) => Item): Record<string, Item> {
  return dictionary(Object.entries(items).map(([name, item]) => [name, change(item)]));
}
