// An exchange and its bindings. It finds the queues and exchanges to which it routes a message.

import type { Arguments } from '../codec/arguments.ts';
import type { Message } from '../queue/message.ts';
import { type AppliedPolicy, noPolicy } from '../queue/policies.ts';
import { Queue } from '../queue/queue.ts';
import { type HeadersMatcher, headersMatcher } from './headers.ts';
import { LocalRandomMatcher, ModulusHashMatcher } from './one-destination.ts';
import type { Steps } from './steps.ts';
import { TopicTable } from './topic.ts';

/** The exchange types of RabbitMQ 4.3 without plugins. */
export const exchangeTypes = ['direct', 'fanout', 'topic', 'headers', 'x-local-random', 'x-modulus-hash'] as const;
export type ExchangeType = (typeof exchangeTypes)[number];

/** The exchanges that every virtual host has (AMQP 0-9-1, 3.1.3). */
export const predeclared: readonly (readonly [name: string, type: ExchangeType, isInternal?: boolean])[] = [
  ['', 'direct'],
  ['amq.direct', 'direct'],
  ['amq.fanout', 'fanout'],
  ['amq.topic', 'topic'],
  ['amq.headers', 'headers'],
  ['amq.match', 'headers'],
  ['amq.rabbitmq.trace', 'topic', true],
];

export interface Binding {
  readonly source: Exchange;
  readonly destination: Queue | Exchange;
  readonly routingKey: string;
  readonly arguments: Arguments;
}

interface ExchangeParts {
  readonly name: string;
  readonly vhost: string;
  readonly type: ExchangeType;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly isInternal: boolean;
  readonly arguments: Arguments;
}

type Destination = Queue | Exchange;

/** The routing algorithm of one type of exchange. */
interface Matcher {
  add(binding: Binding): void;
  remove(binding: Binding): void;
  /** Returns the destinations of a message. `steps` counts the work. */
  match(routingKey: string, message: Message, steps: Steps): readonly Destination[];
  /** Returns the bindings that lead to these destinations. Absent if the bindings do not decide. */
  bindings?(routingKey: string, message: Message, steps: Steps): Iterable<Binding>;
}

export class Exchange {
  readonly name: string;
  readonly vhost: string;
  /** The name of the exchange in error texts. */
  readonly what: string;
  readonly type: ExchangeType;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly isInternal: boolean;
  readonly arguments: Arguments;
  /** The name of the alternate exchange. The arguments have precedence over the policy. */
  alternate: string | undefined;
  policy: AppliedPolicy = noPolicy;
  isDeleted = false;
  /** The bindings from this exchange, by `bindingKey`. */
  readonly bindings = new Map<string, Binding>();
  readonly counters = { publish_in: 0, publish_out: 0 };
  readonly #matcher: Matcher;

  constructor(parts: ExchangeParts) {
    this.name = parts.name;
    this.vhost = parts.vhost;
    this.what = `exchange '${parts.name}' in vhost '${parts.vhost}'`;
    this.type = parts.type;
    this.isDurable = parts.isDurable;
    this.isAutoDelete = parts.isAutoDelete;
    this.isInternal = parts.isInternal;
    this.arguments = parts.arguments;
    this.apply(noPolicy);
    this.#matcher = matchers[parts.type]();
  }

  /** True if the destinations depend only on the routing key. */
  get isPlain(): boolean {
    return this.type !== 'headers' && this.type !== 'x-local-random' && this.alternate === undefined;
  }

  /** True if the routing keys in the headers CC and BCC can lead to further destinations. */
  get matchesEachKey(): boolean {
    return this.type === 'direct' || this.type === 'topic';
  }

  apply(policy: AppliedPolicy): void {
    this.policy = policy;
    const alternate = this.arguments.get('alternate-exchange') ?? policy.definition['alternate-exchange'];
    this.alternate = typeof alternate === 'string' ? alternate : undefined;
  }

  /** Adds a binding. Returns false if it already exists. */
  add(binding: Binding): boolean {
    const key = bindingKey(binding);
    const existing = this.bindings.get(key);
    if (existing?.destination === binding.destination) return false;
    // The existing binding leads to a deleted queue or exchange of the same name.
    if (existing !== undefined) this.remove(existing);
    this.#matcher.add(binding);
    this.bindings.set(key, binding);
    return true;
  }

  /** Removes a binding. Returns it, or `undefined` if it did not exist. */
  remove(binding: Binding): Binding | undefined {
    const key = bindingKey(binding);
    const existing = this.bindings.get(key);
    if (existing === undefined || existing.destination !== binding.destination) return undefined;
    this.bindings.delete(key);
    this.#matcher.remove(existing);
    return existing;
  }

  /** Returns the destinations of a message with this routing key. */
  match(routingKey: string, message: Message, steps: Steps): readonly Destination[] {
    return this.#matcher.match(routingKey, message, steps);
  }

  /** Returns the bindings that match a message. For a type that chooses one destination, returns all bindings. */
  matchingBindings(routingKey: string, message: Message, steps: Steps): Iterable<Binding> {
    return this.#matcher.bindings?.(routingKey, message, steps) ?? this.bindings.values();
  }
}

/** Returns a key that identifies a binding of an exchange (AMQP 0-9-1, 1.7.2.3). */
export function bindingKey({ destination, routingKey, arguments: all }: Binding): string {
  const kind = destination instanceof Queue ? 'q' : 'e';
  return `${kind}\0${destination.name}\0${routingKey}\0${all.identity}`;
}

const matchers: Readonly<Record<ExchangeType, () => Matcher>> = {
  direct: () => new KeyMatcher((routingKey) => routingKey),
  fanout: () => new KeyMatcher(() => ''),
  topic: () => new TopicMatcher(),
  headers: () => new HeadersExchangeMatcher(),
  'x-local-random': () => new LocalRandomMatcher<Destination>(),
  'x-modulus-hash': () => new ModulusHashMatcher<Destination>(),
};

interface KeyBindings {
  readonly bindings: Set<Binding>;
  /** Computed when a message needs them, because many bindings may change before the next message. */
  destinations: readonly Destination[] | undefined;
}

/** Finds the destinations of all bindings with the same key. A fanout exchange uses one key for all bindings. */
class KeyMatcher implements Matcher {
  readonly #keyOf: (routingKey: string) => string;
  readonly #byKey = new Map<string, KeyBindings>();

  constructor(keyOf: (routingKey: string) => string) {
    this.#keyOf = keyOf;
  }

  add(binding: Binding): void {
    const key = this.#keyOf(binding.routingKey);
    const bound = this.#byKey.get(key) ?? { bindings: new Set(), destinations: undefined };
    bound.bindings.add(binding);
    bound.destinations = undefined;
    this.#byKey.set(key, bound);
  }

  remove(binding: Binding): void {
    const key = this.#keyOf(binding.routingKey);
    const bound = this.#byKey.get(key);
    if (bound === undefined) return;
    bound.bindings.delete(binding);
    bound.destinations = undefined;
    if (bound.bindings.size === 0) this.#byKey.delete(key);
  }

  match(routingKey: string): readonly Destination[] {
    const bound = this.#byKey.get(this.#keyOf(routingKey));
    if (bound === undefined) return noDestinations;
    bound.destinations ??= destinationsOf(bound.bindings);
    return bound.destinations;
  }

  bindings(routingKey: string): Iterable<Binding> {
    return this.#byKey.get(this.#keyOf(routingKey))?.bindings ?? [];
  }
}

class TopicMatcher implements Matcher {
  readonly #table = new TopicTable<Binding>();
  /** Results by routing key. A change of the bindings clears the cache. */
  readonly #cache = new Map<string, readonly Destination[]>();

  add(binding: Binding): void {
    this.#table.add(binding.routingKey, binding);
    this.#cache.clear();
  }

  remove(binding: Binding): void {
    this.#table.remove(binding.routingKey, binding);
    this.#cache.clear();
  }

  match(routingKey: string, message: Message, steps: Steps): readonly Destination[] {
    const cached = this.#cache.get(routingKey);
    if (cached !== undefined) return cached;
    const destinations = destinationsOf(this.bindings(routingKey, message, steps));
    if (this.#cache.size >= cacheLimit) this.#cache.clear();
    this.#cache.set(routingKey, destinations);
    return destinations;
  }

  bindings(routingKey: string, _: Message, steps: Steps): Iterable<Binding> {
    return this.#table.match(routingKey, steps);
  }
}

class HeadersExchangeMatcher implements Matcher {
  readonly #matchers = new Map<Binding, HeadersMatcher>();

  add(binding: Binding): void {
    this.#matchers.set(binding, headersMatcher(binding.arguments));
  }

  remove(binding: Binding): void {
    this.#matchers.delete(binding);
  }

  match(routingKey: string, message: Message, steps: Steps): readonly Destination[] {
    return destinationsOf(this.bindings(routingKey, message, steps));
  }

  bindings(_: string, message: Message, steps: Steps): Iterable<Binding> {
    const headers = message.headers();
    const matching: Binding[] = [];
    steps.add(this.#matchers.size);
    for (const [binding, matches] of this.#matchers) if (matches(headers, steps)) matching.push(binding);
    return matching;
  }
}

const noDestinations: readonly Destination[] = [];
const cacheLimit = 1024;

/** Returns each destination once. */
function destinationsOf(bindings: Iterable<Binding>): readonly Destination[] {
  return [...new Set(Array.from(bindings, ({ destination }) => destination))];
}
