// Turns the arguments of mq tap into exchanges and keys: NAME or NAME:KEY, where NAME is a publication or an exchange.

import { type Config, namePrefix } from '../../../config/config.ts';
import { queueName } from '../../../topology/wanted.ts';
import type { Values } from '../../arguments/values.ts';

export interface Target {
  /** The broker's name of the exchange. '' is the default exchange. */
  readonly exchange: string;
  /** Routing key or pattern. `undefined` means all messages. */
  readonly key: string | undefined;
}

export interface Targets {
  /** Name of the vhost in rascal.json. */
  readonly vhost: string;
  readonly all: readonly Target[];
  /** `true` if no argument names an exchange, so that these are the exchanges of rascal.json. */
  readonly areDefault: boolean;
}

/** Reports whether the broker has an exchange. */
type HasExchange = (vhost: string, exchange: string) => Promise<boolean>;

/**
 * Returns the exchanges of the arguments. A name of rascal.json has priority over a name that only the broker has. A name may
 * contain colons, so the longest known name before a colon is used. Throws USAGE for an unknown name.
 */
export async function targetsOf(values: Values, config: Config, has: HasExchange): Promise<Targets> {
  const typed = values.name('vhost');
  const vhosts = Object.keys(config.vhosts);
  if (typed !== undefined && !vhosts.includes(typed))
    throw values.usage(`rascal.json has no vhost '${typed}'; its vhosts are ${vhosts.join(', ')}`);
  const found = values.args.map((word) => ({ word, target: inFile(word, config, typed) }));
  const owners = new Set(found.flatMap(({ target }) => (target ? [target.vhost] : [])));
  if (owners.size > 1)
    throw values.usage(`the names are in several vhosts: ${[...owners].join(', ')}`, 'select one with --vhost');
  const [owner = typed ?? (vhosts.includes('/') ? '/' : (vhosts[0] ?? '/'))] = owners;
  const all: Target[] = [];
  for (const { word, target } of found) all.push(target ?? (await onBroker(word, owner, { has, values })));
  if (all.length > 0) return { vhost: owner, all, areDefault: false };
  return { vhost: owner, all: ofFile(config, owner), areDefault: true };
}

/** Returns the exchanges of a vhost of rascal.json. */
function ofFile({ vhosts }: Config, name: string): Target[] {
  const vhost = vhosts[name];
  return Object.keys(vhost?.exchanges ?? {})
    .filter((exchange) => exchange !== '')
    .map((exchange) => ({ exchange: namePrefix(vhost) + exchange, key: undefined }));
}

/** Returns each way to read the word as a name and a key, the longest name first. */
function readings(word: string): { name: string; key: string | undefined }[] {
  const colons = [...word.matchAll(/:/g)].map(({ index }) => index).toReversed();
  const split = colons.map((at) => ({ name: word.slice(0, at), key: word.slice(at + 1) }));
  return [{ name: word, key: undefined }, ...split];
}

function inFile(word: string, config: Config, typed: string | undefined): (Target & { vhost: string }) | undefined {
  for (const { name, key } of readings(word)) {
    const found = publicationOf(name, config) ?? exchangeOf(name, config, typed);
    if (found && (typed === undefined || found.vhost === typed)) return { ...found, key: key ?? found.key };
  }
  return undefined;
}

function publicationOf(name: string, { publications, vhosts }: Config): (Target & { vhost: string }) | undefined {
  const publication = Object.hasOwn(publications, name) ? publications[name] : undefined;
  if (publication === undefined) return undefined;
  const { vhost: own, exchange, queue = '', routingKey } = publication;
  const vhost = vhosts[own];
  if (exchange === undefined)
    return { vhost: own, exchange: '', key: vhost === undefined ? queue : queueName(vhost, queue) };
  return { vhost: own, exchange: namePrefix(vhost) + exchange, key: routingKey };
}

function exchangeOf(
  given: string,
  { vhosts }: Config,
  typed: string | undefined,
): (Target & { vhost: string }) | undefined {
  for (const [vhost, one] of Object.entries(vhosts)) {
    if (typed !== undefined && vhost !== typed) continue;
    const prefix = namePrefix(one);
    const key = Object.keys(one.exchanges).find((name) => name === given || prefix + name === given);
    if (key !== undefined) return { vhost, exchange: prefix + key, key: undefined };
  }
  return undefined;
}

async function onBroker(
  word: string,
  vhost: string,
  { has, values }: { has: HasExchange; values: Values },
): Promise<Target> {
  for (const { name, key } of readings(word)) {
    if (name === '' || (await has(vhost, name))) return { exchange: name, key };
  }
  throw values.usage(
    `there is no publication and no exchange '${word}'`,
    'mq admin list exchanges shows the exchanges; a key follows a colon, as in orders:order.#',
  );
}
