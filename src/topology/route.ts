// Computes which queues a message reaches in a topology, by which bindings, and where these queues dead-letter it. The
// embedded broker's own routing code decides; no message is sent.

import { type DryMessage, DryRun, type DryVisit } from '../broker/dry-run.ts';
import { ProtocolError } from '../broker/protocol-error.ts';
import { type Plain, stringOf } from '../config/plain.ts';
import { MqError } from '../errors.ts';
import type { Topology, TopologyBinding, TopologyExchange, TopologyPolicy } from './topology.ts';

export interface Route {
  /** Exchanges that the message visits, the first one first. Empty if the exchange does not exist. */
  readonly visits: readonly RouteVisit[];
  /** Queues that get the message, in the order in which the route reaches them. */
  readonly queues: readonly RoutedQueue[];
  /** For each queue that can drop or pass on the message: when, and to which queues. */
  readonly departures: readonly Departure[];
}

export interface RouteVisit {
  readonly exchange: string;
  readonly type: string;
  /** `one`: the message uses one of the bindings. `some`: mq does not know the type, so each binding is only possible. */
  readonly choice?: 'one' | 'some';
  readonly bindings: readonly TopologyBinding[];
  /** Set if the exchange passes the message on to its alternate exchange, because no binding matches. */
  readonly alternate?: { readonly exchange: string; readonly exists: boolean };
}

export interface RoutedQueue {
  readonly name: string;
  /** `true` if the queue exists only while one connection is open. */
  readonly isExclusive: boolean;
  /** `false` if the message may go to another queue instead. */
  readonly isCertain: boolean;
}

export interface Departure {
  readonly queue: string;
  /** The routing key of the message in this queue. */
  readonly key: string;
  /** Milliseconds after which the message expires: the smaller of the TTLs of queue and message. */
  readonly expiresAfterMs?: number;
  /** `true` if the queue has a maximum length and drops or dead-letters messages above it. */
  readonly hasMaxLength: boolean;
  /** Number of deliveries after which a quorum queue dead-letters or drops the message. */
  readonly deliveryLimit?: number;
  /** Absent if the queue has no dead letter exchange: the message is dropped. */
  readonly deadLetter?: DeadLetter;
}

interface DeadLetter {
  readonly exchange: string;
  readonly key: string;
  readonly visits: readonly RouteVisit[];
  readonly queues: readonly DeadLetteredQueue[];
}

interface DeadLetteredQueue extends RoutedQueue {
  /** RabbitMQ drops a message that returns to a queue without a rejection on its way. */
  readonly isCycle: boolean;
}

/** A message to route. `properties` are the encoded properties with their flags. */
export interface RoutedMessage {
  readonly exchange: string;
  readonly key: string;
  readonly properties: Buffer;
}

interface RouterOptions {
  /** `true` if the policies apply by their patterns; otherwise each object names the policy that applies to it. */
  readonly matchesPolicies: boolean;
}

/** Types that choose one of their bindings. */
const choosing = ['x-consistent-hash', 'x-random', 'x-modulus-hash', 'x-local-random'];
/** Types whose bindings decide. `x-recent-history` routes like `fanout`. */
const computed = ['direct', 'fanout', 'topic', 'headers', 'x-recent-history'];

/**
 * Returns a function that computes the route of a message in the topology.
 * @throws MqError BAD_DATA if RabbitMQ would refuse the message or an argument of the topology
 */
export function router(
  topology: Topology,
  options: RouterOptions = { matchesPolicies: false },
): (message: RoutedMessage) => Route {
  const run = accepted(() => new DryRun(dryTopology(topology, options)));
  const exchanges = new Map(topology.exchanges.map((one) => [one.name, one]));
  const exclusive = new Set(topology.queues.flatMap((one) => (one.exclusive ? [one.name] : [])));
  return ({ exchange, ...parts }) => {
    const message = accepted(() => run.message(exchange, parts));
    const scope = { run, exchanges, exclusive };
    const visits = visitsOf(scope, message);
    const queues = queuesOf(scope, visits);
    return { visits, queues, departures: departuresOf(scope, message, queues) };
  };
}

function accepted<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const why = error.replyText.replace(/^[A-Z_]+ - /, '');
    throw new MqError('BAD_DATA', `RabbitMQ would refuse this: ${why}`, { cause: error });
  }
}

interface Scope {
  readonly run: DryRun;
  readonly exchanges: ReadonlyMap<string, TopologyExchange>;
  readonly exclusive: ReadonlySet<string>;
}

function dryTopology(topology: Topology, { matchesPolicies }: RouterOptions) {
  const { exchanges, queues, bindings, policies, operatorPolicies = [], defaultQueueType = 'classic' } = topology;
  const definitions = new Map(policies.map(({ name, definition }) => [name, definition]));
  const policyOf = ({ policy, policySettings }: { policy?: string; policySettings?: Plain }) =>
    matchesPolicies ? {} : { policy: settingsIn(policySettings ?? definitions.get(policy ?? '') ?? {}) };
  const withKind = (kind: 'policy' | 'operator_policy') => (one: TopologyPolicy) => {
    return { ...one, kind, definition: settingsIn(one.definition) };
  };
  return {
    exchanges: exchanges.map(({ name, arguments: all, ...one }) => {
      return { name, arguments: all, type: routingType({ ...one, arguments: all }), ...policyOf(one) };
    }),
    queues: queues.map((one) => {
      const { name, type = defaultQueueType, arguments: all } = one;
      // A stream neither expires nor dead-letters single messages.
      if (type !== 'classic' && type !== 'quorum') return { name, arguments: {}, policy: {} };
      return { name, arguments: { ...all, 'x-queue-type': type }, ...policyOf(one) };
    }),
    bindings,
    policies: matchesPolicies
      ? [...policies.map(withKind('policy')), ...operatorPolicies.map(withKind('operator_policy'))]
      : [],
  };
}

function settingsIn(definition: Plain): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(definition).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? [[name, value]] : [],
    ),
  );
}

/** The plugin rabbitmq_delayed_message_exchange routes by the type in this argument. */
function routingType({ type, arguments: all }: Pick<TopologyExchange, 'type' | 'arguments'>): string {
  return type === 'x-delayed-message' ? (stringOf(all['x-delayed-type']) ?? type) : type;
}

function choiceOf(exchange: TopologyExchange | undefined): 'one' | 'some' | undefined {
  // The default exchange, and the exchanges that every vhost has.
  if (exchange === undefined) return undefined;
  const type = routingType(exchange);
  if (choosing.includes(type)) return 'one';
  return computed.includes(type) ? undefined : 'some';
}

/** Returns the visited exchanges. An unknown type may also pass the message on to its alternate exchange. */
function visitsOf(scope: Scope, message: DryMessage): RouteVisit[] {
  const visits: RouteVisit[] = [];
  const add = (all: readonly DryVisit[]) => {
    for (const one of all)
      if (!visits.some(({ exchange }) => exchange === one.exchange)) visits.push(visitOf(scope, one));
  };
  add(scope.run.route(message));
  // The loop also visits the exchanges that it adds.
  for (const { choice, alternate } of visits)
    if (choice === 'some' && alternate !== undefined) add(scope.run.route(message, alternate.exchange));
  return visits;
}

function visitOf({ run, exchanges }: Scope, { exchange: name, bindings, alternate }: DryVisit): RouteVisit {
  const exchange = exchanges.get(name);
  const choice = choiceOf(exchange);
  const other = choice === 'some' ? run.alternate(name) : alternate;
  return {
    exchange: name,
    type: exchange?.type ?? run.type(name) ?? '',
    ...(choice !== undefined && { choice }),
    bindings,
    ...(other !== undefined && { alternate: { exchange: other, exists: run.type(other) !== undefined } }),
  };
}

/** Returns the queues of the visits. A queue is certain if a way to it has no choice. */
function queuesOf({ exclusive }: Scope, visits: readonly RouteVisit[]): RoutedQueue[] {
  const byName = new Map(visits.map((visit) => [visit.exchange, visit]));
  const certain = new Set(visits[0] === undefined ? [] : [visits[0].exchange]);
  const certainQueues = new Set<string>();
  // The loop also visits the exchanges that it adds.
  for (const name of certain) {
    const { choice, bindings = [], alternate } = byName.get(name) ?? {};
    const places = new Set(bindings.map(({ destination, destinationType }) => `${destinationType} ${destination}`));
    if (choice === 'some' || (choice === 'one' && places.size > 1)) continue;
    if (alternate !== undefined) certain.add(alternate.exchange);
    for (const { destination, destinationType } of bindings)
      (destinationType === 'queue' ? certainQueues : certain).add(destination);
  }
  const names = visits.flatMap(({ bindings }) =>
    bindings.flatMap(({ destination, destinationType }) => (destinationType === 'queue' ? [destination] : [])),
  );
  return [...new Set(names)].map((name) => {
    return { name, isExclusive: exclusive.has(name), isCertain: certainQueues.has(name) };
  });
}

/** Returns how the message leaves these queues, and the queues that it reaches then. */
function departuresOf(scope: Scope, message: DryMessage, queues: readonly RoutedQueue[]): Departure[] {
  const departures: Departure[] = [];
  const waiting = new Map<string, { name: string; message: DryMessage }>();
  // A message that comes back with the same keys has the same route again.
  const add = (name: string, held: DryMessage) => {
    const id = JSON.stringify([name, held.routingKey, held.moreKeys]);
    if (!waiting.has(id)) waiting.set(id, { name, message: held });
  };
  for (const { name } of queues) add(name, message);
  // The loop also visits the queues that it adds.
  for (const { name, message: held } of waiting.values()) {
    const found = departureOf(scope, held, name);
    if (found === undefined) continue;
    departures.push(found.departure);
    const { departure, letter } = found;
    if (letter !== undefined) for (const next of departure.deadLetter?.queues ?? []) add(next.name, letter);
  }
  return departures;
}

/** Returns `undefined` if the queue keeps the message until a consumer acknowledges it. */
function departureOf(scope: Scope, message: DryMessage, queue: string) {
  const settings = scope.run.settings(queue);
  if (settings === undefined) return undefined;
  const { messageTtlMs = Infinity, maxLength, maxLengthBytes, overflow, deliveryLimit, deadLetterExchange } = settings;
  const expiresAfterMs = Math.min(messageTtlMs, message.expirationMs ?? Infinity);
  const hasMaxLength = (maxLength !== undefined || maxLengthBytes !== undefined) && overflow !== 'reject-publish';
  const expires = expiresAfterMs < Infinity;
  if (!expires && !hasMaxLength && deliveryLimit === undefined && deadLetterExchange === undefined) return undefined;
  // RabbitMQ drops a message that comes back, unless a client has rejected it on its way.
  const reason = expires ? 'expired' : hasMaxLength ? 'maxlen' : 'rejected';
  const letter = scope.run.deadLetter(message, { queue, reason });
  const departure: Departure = {
    queue,
    key: message.routingKey,
    ...(expires && { expiresAfterMs }),
    hasMaxLength,
    ...(deliveryLimit !== undefined && { deliveryLimit }),
    ...(letter !== undefined && { deadLetter: deadLetterOf(scope, letter) }),
  };
  return { departure, letter };
}

function deadLetterOf(scope: Scope, letter: DryMessage): DeadLetter {
  const visits = visitsOf(scope, letter);
  const queues = queuesOf(scope, visits).map((one) => ({ ...one, isCycle: scope.run.isDropped(letter, one.name) }));
  return { exchange: letter.exchange, key: letter.routingKey, visits, queues };
}
