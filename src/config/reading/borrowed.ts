// A user's rascal.json defines the whole topology, but it may refer to publications, subscriptions, exchanges and
// queues of the built-in file. This file adds the referenced items, and the items that those need, to the topology.

import type { Config, VhostConfig } from '../config.ts';
import { dictionary } from '../plain.ts';
import { type RetryConfig, subscriptionsOf } from '../role.ts';
import { mergeVhosts } from './merge.ts';
import { neededTopology } from './needed-topology.ts';
import type { PartialConfig } from './normalise.ts';

/** Returns the part of the built-in configuration that the user's file refers to and does not define. */
export function borrowed(builtin: PartialConfig, user: PartialConfig): PartialConfig {
  const roles = Object.values(user.roles);
  const settings = [user.retry, ...Object.values(user.retries), ...roles.map(({ retry }) => retry)];
  const named = {
    publications: [...roles.map(({ publication }) => publication), ...settings.map(deadPublication)],
    subscriptions: [...roles.flatMap(subscriptionsOf), ...Object.keys(user.retries)],
  };
  const publications = only(builtin.publications, named.publications, user.publications);
  const subscriptions = only(builtin.subscriptions, named.subscriptions, user.subscriptions);
  const vhosts = Object.entries(builtin.vhosts).flatMap(([name, vhost]) => {
    const own = user.vhosts[name];
    const inVhost = <Item extends { vhost: string }>(items: Readonly<Record<string, Item>>) =>
      Object.values(items).filter((one) => one.vhost === name);
    const [published, consumed] = [inVhost(publications), inVhost(subscriptions)];
    const needed = neededTopology(mergeVhosts(vhost, own), {
      exchanges: published.flatMap(({ exchange }) => exchange ?? []),
      queues: published.flatMap(({ queue }) => queue ?? []),
      consumed: consumed.map(({ queue }) => queue),
    });
    const ends = own?.bindings ?? [];
    const exchanges = [
      ...needed.exchanges,
      ...inVhost(user.publications).map(({ exchange }) => exchange),
      ...ends.map(({ source }) => source),
      ...ends.flatMap(({ destination, destinationType }) => (destinationType === 'exchange' ? destination : [])),
    ];
    const queues = [
      ...needed.queues,
      ...inVhost(user.publications).flatMap(({ queue, replyTo }) => [queue, replyTo]),
      ...inVhost(user.subscriptions).map(({ queue }) => queue),
      ...ends.flatMap(({ destination, destinationType }) => (destinationType === 'queue' ? destination : [])),
      ...settings.map(deadQueue),
    ];
    const part: VhostConfig = {
      ...vhost,
      exchanges: only(vhost.exchanges, exchanges, own?.exchanges),
      queues: only(vhost.queues, queues, own?.queues),
      bindings: vhost.bindings.filter((binding) => needed.bindings.has(binding)),
    };
    const isEmpty = [part.exchanges, part.queues, part.bindings].every((items) => Object.keys(items).length === 0);
    return isEmpty && published.length + consumed.length === 0 ? [] : [[name, part] as const];
  });
  return { ...builtin, vhosts: dictionary(vhosts), publications, subscriptions, roles: {}, retries: {} };
}

type Settings = Partial<RetryConfig> | false | undefined;

function deadPublication(settings: Settings): string | undefined {
  const place = settings ? settings.deadLetter : undefined;
  return place && 'publication' in place ? place.publication : undefined;
}

function deadQueue(settings: Settings): string | undefined {
  const place = settings ? settings.deadLetter : undefined;
  return place && 'queue' in place ? place.queue : undefined;
}

/** Returns the built-in items with these names, except those that the user's file defines. */
function only<Item>(
  items: Readonly<Record<string, Item>>,
  names: readonly (string | undefined)[],
  own: Readonly<Record<string, unknown>> = {},
): Record<string, Item> {
  const wanted = Object.entries(items).filter(([name]) => names.includes(name) && !Object.hasOwn(own, name));
  return dictionary(wanted);
}

/** Removes the dead-letter target of the user's file, because built-in roles must not send their dead letters there. */
export function withoutDeadLetterPlace<Settings extends Config | PartialConfig>(config: Settings): Settings {
  const { deadLetter, ...retry } = config.retry;
  return deadLetter ? { ...config, retry } : config;
}
