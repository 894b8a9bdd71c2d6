// A user's rascal.json defines the whole topology, but it may refer to publications, subscriptions, exchanges and
// queues of the built-in file. This code adds the referenced items, and the items that those need, to the topology.

import type { Config, PublicationConfig, SubscriptionConfig, VhostConfig } from '../config.ts';
import { dictionary } from '../plain.ts';
import { isReceiving, type OwnRetryConfig, type RetryConfig, usesOf } from '../role.ts';
import { mergeVhosts } from './merge.ts';
import { neededTopology } from './needed-topology.ts';
import type { PartialConfig } from './normalise.ts';

/** Returns the part of the built-in configuration that the user's file refers to and does not define. */
export function borrowed(builtin: PartialConfig, user: PartialConfig): PartialConfig {
  const uses = Object.values(user.roles).map(usesOf);
  const settings = retrySettings(user);
  const publications = only(
    builtin.publications,
    [
      ...uses.flatMap((used) => used.publications),
      ...settings.map(deadLetterPublication),
      ...Object.keys({ ...user.delays, ...user.schemas.publications }),
    ],
    user.publications,
  );
  const subscriptions = only(
    builtin.subscriptions,
    [...uses.flatMap((used) => used.subscriptions), ...Object.keys({ ...user.retries, ...user.schemas.subscriptions })],
    user.subscriptions,
  );
  const vhosts = Object.entries(builtin.vhosts).flatMap(([name, vhost]) => {
    const part = borrowedVhost({ name, vhost, user, publications, subscriptions });
    return part === undefined ? [] : [[name, part] as const];
  });
  return { ...builtin, vhosts: dictionary(vhosts), publications, subscriptions, roles: {}, retries: {} };
}

/** Removes the dead-letter target of the user's file, because built-in roles must not send their dead letters there. */
export function withoutDeadLetterTarget<Settings extends Config | PartialConfig>(config: Settings): Settings {
  const { deadLetter, ...retry } = config.retry;
  return deadLetter ? { ...config, retry } : config;
}

interface BorrowedItems {
  readonly publications: Readonly<Record<string, PublicationConfig>>;
  readonly subscriptions: Readonly<Record<string, SubscriptionConfig>>;
}

/** Returns the part of a built-in vhost that is needed, or `undefined` if nothing in the vhost is needed. */
function borrowedVhost({
  name,
  vhost,
  user,
  publications,
  subscriptions,
}: BorrowedItems & { name: string; vhost: VhostConfig; user: PartialConfig }): VhostConfig | undefined {
  const own = user.vhosts[name];
  const published = inVhost(publications, name);
  const consumed = inVhost(subscriptions, name);
  const needed = neededTopology(mergeVhosts(vhost, own), {
    exchanges: published.flatMap(({ exchange }) => exchange ?? []),
    queues: published.flatMap(({ queue }) => queue ?? []),
    consumed: consumed.map(({ queue }) => queue),
  });
  const referenced = referencedNames(user, name);
  const part: VhostConfig = {
    ...vhost,
    exchanges: only(vhost.exchanges, [...needed.exchanges, ...referenced.exchanges], own?.exchanges),
    queues: only(vhost.queues, [...needed.queues, ...referenced.queues], own?.queues),
    bindings: vhost.bindings.filter((binding) => needed.bindings.has(binding)),
  };
  const items = [part.exchanges, part.queues, part.bindings, published, consumed];
  return items.every((one) => Object.keys(one).length === 0) ? undefined : part;
}

/** Returns the exchanges and queues that the user's file names in a vhost. */
function referencedNames(user: PartialConfig, vhost: string): { exchanges: Names; queues: Names } {
  const bindings = user.vhosts[vhost]?.bindings ?? [];
  const destinations = (type: 'exchange' | 'queue') =>
    bindings.flatMap(({ destination, destinationType }) => (destinationType === type ? destination : []));
  const publications = inVhost(user.publications, vhost);
  return {
    exchanges: [
      ...publications.map(({ exchange }) => exchange),
      ...bindings.map(({ source }) => source),
      ...destinations('exchange'),
    ],
    queues: [
      ...publications.flatMap(({ queue, replyTo }) => [queue, replyTo]),
      ...inVhost(user.subscriptions, vhost).map(({ queue }) => queue),
      ...destinations('queue'),
      ...retrySettings(user).map(deadLetterQueue),
    ],
  };
}

function inVhost<Item extends { vhost: string }>(items: Readonly<Record<string, Item>>, vhost: string): Item[] {
  return Object.values(items).filter((one) => one.vhost === vhost);
}

type Settings = Partial<RetryConfig> | OwnRetryConfig | undefined;

function retrySettings({ retry, retries, roles }: PartialConfig): Settings[] {
  const receiving = Object.values(roles).filter(isReceiving);
  return [retry, ...Object.values(retries), ...receiving.map((role) => role.retry)];
}

function deadLetterPublication(settings: Settings): string | undefined {
  const target = settings ? settings.deadLetter : undefined;
  return target && 'publication' in target ? target.publication : undefined;
}

function deadLetterQueue(settings: Settings): string | undefined {
  const target = settings ? settings.deadLetter : undefined;
  return target && 'queue' in target ? target.queue : undefined;
}

/** Names that a file uses. A name is `undefined` if its field is not set. */
type Names = readonly (string | undefined)[];

/** Returns the built-in items with these names, except those that the user's file defines. */
function only<Item>(
  items: Readonly<Record<string, Item>>,
  names: Names,
  own: Readonly<Record<string, unknown>> = {},
): Record<string, Item> {
  const wanted = Object.entries(items).filter(([name]) => names.includes(name) && !Object.hasOwn(own, name));
  return dictionary(wanted);
}
