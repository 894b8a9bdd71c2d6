// Exchanges and bindings: which queues (and further exchanges) a message goes to.

import type { Arguments } from '../codec/arguments.ts';
import type { Message } from '../queue/message.ts';
import { type AppliedPolicy, noPolicy } from '../queue/policies.ts';
import { Queue } from '../queue/queue.ts';
import { type HeadersMatcher, headersMatcher } from './headers.ts';
import { LocalRandomMatcher, ModulusHashMatcher } from './one-destination.ts';
import type { Steps } from './steps.ts';
import { TopicTable } from './topic.ts';

/** RabbitMQ 4.3's, without plugins. */
export const exchangeTypes = ['direct', 'fanout', 'topic', 'headers', 'x-local-random', 'x-modulus-hash'] as const;
export type ExchangeType = (typeof exchangeTypes)[number];

/** AMQP 0-9-1, 3.1.3: the exchanges of every virtual host. */
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

export interface ExchangeParts {
  readonly name: string;
  readonly vhost: string;
  readonly type: ExchangeType;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly isInternal: boolean;
  readonly arguments: Arguments;
}

type Destination = Queue | Exchange;

/** Finds, for one type of exchange, the bindings that a message goes by. */
interface Matcher {
  add(binding: Binding): void;
  remove(binding: Binding): void;
  /** Each destination once at most, if a binding's arguments do not make two of it. */
  match(routingKey: string, message: Message, steps: Steps): readonly Destination[];
}

export class Exchange {
  readonly name: string;
  readonly vhost: string;
  /** As error texts name it. */
  readonly what: string;
  readonly type: ExchangeType;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly isInternal: boolean;
  readonly arguments: Arguments;
  /** Of the arguments or, without them, of the policy. */
  alternate: string | undefined;
  policy: AppliedPolicy = noPolicy;
  isDeleted = false;
  /** Bindings of which it is the source. */
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

  /** Whether the destinations depend on nothing but the routing key. */
  get isPlain(): boolean {
    return this.type !== 'headers' && this.type !== 'x-local-random' && this.alternate === undefined;
  }

  /** Whether each further key of a message (CC, BCC) may have further destinations. */
  get matchesEachKey(): boolean {
    return this.type === 'direct' || this.type === 'topic';
  }

  apply(policy: AppliedPolicy): void {
    this.policy = policy;
    const alternate = this.arguments.get('alternate-exchange') ?? policy.definition['alternate-exchange'];
    this.alternate = typeof alternate === 'string' ? alternate : undefined;
  }

  /** False: that binding is there already. */
  add(binding: Binding): boolean {
    const key = bindingKey(binding);
    const former = this.bindings.get(key);
    if (former?.destination === binding.destination) return false;
    // Of a deleted queue or exchange of that name.
    if (former !== undefined) this.remove(former);
    this.#matcher.add(binding);
    this.bindings.set(key, binding);
    return true;
  }

  /** Gives the binding that was there. */
  remove(binding: Binding): Binding | undefined {
    const key = bindingKey(binding);
    const found = this.bindings.get(key);
    if (found === undefined || found.destination !== binding.destination) return undefined;
    this.bindings.delete(key);
    this.#matcher.remove(found);
    return found;
  }

  match(routingKey: string, message: Message, steps: Steps): readonly Destination[] {
    return this.#matcher.match(routingKey, message, steps);
  }
}

/** What makes a binding another one than the next (AMQP 0-9-1, 1.7.2.3). */
export function bindingKey({ destination, routingKey, arguments: all }: Binding): string {
  const kind = destination instanceof Queue ? 'q' : 'e';
  return `${kind}\0${destination.name}\0${routingKey}\0${all.identity}`;
}

const matchers: Readonly<Record<ExchangeType, () => Matcher>> = {
  direct: () => new KeyMatcher((routingKey) => routingKey),
  fanout: () => new KeyMatcher(() => ''),
  topic: () => new TopicMatcher(),
  headers: () => new HeadersMatchers(),
  'x-local-random': () => new LocalRandomMatcher<Destination>(),
  'x-modulus-hash': () => new ModulusHashMatcher<Destination>(),
};

interface KeyRow {
  readonly bindings: Set<Binding>;
  /** Made when a message needs them: many bindings may come and go in between. */
  destinations: readonly Destination[] | undefined;
}

/** Destinations by one key. */
class KeyMatcher implements Matcher {
  readonly #keyOf: (routingKey: string) => string;
  readonly #rows = new Map<string, KeyRow>();

  constructor(keyOf: (routingKey: string) => string) {
    this.#keyOf = keyOf;
  }

  add(binding: Binding): void {
    const key = this.#keyOf(binding.routingKey);
    const row = this.#rows.get(key) ?? { bindings: new Set(), destinations: undefined };
    row.bindings.add(binding);
    row.destinations = undefined;
    this.#rows.set(key, row);
  }

  remove(binding: Binding): void {
    const key = this.#keyOf(binding.routingKey);
    const row = this.#rows.get(key);
    if (row === undefined) return;
    row.bindings.delete(binding);
    row.destinations = undefined;
    if (row.bindings.size === 0) this.#rows.delete(key);
  }

  match(routingKey: string): readonly Destination[] {
    const row = this.#rows.get(this.#keyOf(routingKey));
    if (row === undefined) return nowhere;
    row.destinations ??= destinationsOf(row.bindings);
    return row.destinations;
  }
}

class TopicMatcher implements Matcher {
  readonly #table = new TopicTable<Binding>();
  /** Answers for the keys that came, until a binding changes. */
  readonly #known = new Map<string, readonly Destination[]>();

  add(binding: Binding): void {
    this.#table.add(binding.routingKey, binding);
    this.#known.clear();
  }

  remove(binding: Binding): void {
    this.#table.remove(binding.routingKey, binding);
    this.#known.clear();
  }

  match(routingKey: string, _: Message, steps: Steps): readonly Destination[] {
    const known = this.#known.get(routingKey);
    if (known !== undefined) return known;
    const destinations = destinationsOf(this.#table.match(routingKey, steps));
    if (this.#known.size >= knownLimit) this.#known.clear();
    this.#known.set(routingKey, destinations);
    return destinations;
  }
}

class HeadersMatchers implements Matcher {
  readonly #rows = new Map<Binding, HeadersMatcher>();

  add(binding: Binding): void {
    this.#rows.set(binding, headersMatcher(binding.arguments));
  }

  remove(binding: Binding): void {
    this.#rows.delete(binding);
  }

  match(_: string, message: Message, steps: Steps): readonly Destination[] {
    const headers = message.headers();
    const found: Binding[] = [];
    steps.add(this.#rows.size);
    for (const [binding, matches] of this.#rows) if (matches(headers, steps)) found.push(binding);
    return destinationsOf(found);
  }
}

const nowhere: readonly Destination[] = [];
const knownLimit = 1024;

function destinationsOf(bindings: Iterable<Binding>): readonly Destination[] {
  return [...new Set(Array.from(bindings, ({ destination }) => destination))];
}
