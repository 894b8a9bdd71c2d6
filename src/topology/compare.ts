// Compares the topology of rascal.json with that of a broker. Pure: it sends no request.

import type { Plain } from '../config/plain.ts';
import type { AttributeDifference, Comparison, Difference, Others, Risk } from './difference.ts';
import { deletedBy, leftovers } from './leftovers.ts';
import { policyDifferences, policyInstead } from './policies.ts';
import { comparedExchangeArgument, isComparedArgument } from './redeclaration.ts';
import { isTooLong, tooLong } from './replace-names.ts';
import {
  bindingId,
  isSameValue,
  type Topology,
  type TopologyBinding,
  type TopologyExchange,
  type TopologyQueue,
  unavailableStates,
} from './topology.ts';
import type { WantedExchange, WantedQueue, WantedTopology } from './wanted.ts';

/** Returns all differences, and what only the broker has. */
export function compareTopology(wanted: WantedTopology, found: Topology): Comparison {
  const comparer = new Comparer(wanted, found);
  return { differences: comparer.differences(), others: comparer.others() };
}

/**
 * Reports whether the result depends on the default queue type of the vhost: rascal.json leaves the type of an existing
 * queue open. RabbitMQ 4.3.6 refuses the declaration of such a classic queue after the default has become quorum.
 */
export function needsDefaultType({ queues }: WantedTopology, found: Topology): boolean {
  const names = namesOf(found.queues);
  return queues.some((one) => one.isDeclared && one.type === undefined && hasDefaultType(one) && names.has(one.name));
}

class Comparer {
  readonly #wanted: WantedTopology;
  readonly #found: Topology;
  readonly #exchanges: ReadonlyMap<string, TopologyExchange>;
  readonly #queues: ReadonlyMap<string, TopologyQueue>;
  readonly #wantedBindings: ReadonlySet<string>;
  /** `exchange name` and `queue name` of objects that mq can neither declare nor bind. */
  readonly #unusable = new Set<string>();
  readonly #leftovers: readonly Difference[];

  constructor(wanted: WantedTopology, found: Topology) {
    this.#wanted = wanted;
    this.#found = found;
    this.#exchanges = new Map(found.exchanges.map((one) => [one.name, one]));
    this.#queues = new Map(found.queues.map((one) => [one.name, one]));
    this.#wantedBindings = new Set(wanted.bindings.map(bindingId));
    this.#leftovers = leftovers(wanted, found);
  }

  differences(): Difference[] {
    const { exchanges, queues } = this.#wanted;
    // The bindings are compared last, because a blocked end blocks them.
    return [
      ...policyDifferences(this.#wanted, this.#found),
      ...exchanges.flatMap((one) => this.#exchange(one) ?? []),
      ...queues.flatMap((one) => this.#queue(one) ?? []),
      ...this.#bindings(),
      ...this.#leftovers,
    ];
  }

  others(): Others {
    const { exchanges, queues, bindings, policies } = this.#found;
    const own = {
      exchange: namesOf(this.#wanted.exchanges),
      queue: namesOf(this.#wanted.queues),
      policy: namesOf(this.#wanted.policies),
    };
    const deleted = deletedBy(this.#leftovers);
    return {
      exchanges: exchanges.filter(
        ({ name }) => !own.exchange.has(name) && !deleted.exchange.has(name) && !name.startsWith('amq.'),
      ),
      queues: queues.filter(({ name }) => !own.queue.has(name) && !deleted.queue.has(name)),
      bindings: bindings
        .filter((one) => !this.#wantedBindings.has(bindingId(one)) && !deleted.binding.has(bindingId(one)))
        .map((one) => ({
          ...one,
          isBetweenOwn: own.exchange.has(one.source) && own[one.destinationType].has(one.destination),
        })),
      policies: policies.filter(({ name }) => !own.policy.has(name)),
    };
  }

  #exchange(wanted: WantedExchange): Difference | undefined {
    const { name, isDeclared } = wanted;
    const object = { kind: 'exchange', name } as const;
    const found = this.#exchanges.get(name);
    const isReserved = name.startsWith('amq.');
    if (found === undefined) {
      const attributes = created(exchangeFields(wanted), { type: '', durable: true }, wanted.arguments);
      if (isDeclared && !isReserved) return { action: 'create', exists: false, ...object, attributes, why: missing };
      this.#unusable.add(`exchange ${name}`);
      return { action: 'blocked', exists: false, ...object, attributes, why: isReserved ? reserved : notDeclared };
    }
    if (!isDeclared) return undefined;
    const attributes = [
      ...fieldDifferences(exchangeFields(wanted), exchangeFields(found)),
      ...argumentDifferences(wanted.arguments, found.arguments, (one) => one === comparedExchangeArgument),
    ];
    if (attributes.length === 0) return undefined;
    if (isReserved) return { action: 'blocked', exists: true, ...object, attributes, why: predeclared };
    const why = whyReplace('an exchange', attributes);
    const risk = { otherBindings: this.#otherBindings(object) };
    return { action: 'replace', exists: true, ...object, attributes, why, risk };
  }

  #queue(wanted: WantedQueue): Difference | undefined {
    const { name, isDeclared } = wanted;
    const object = { kind: 'queue', name, ...(wanted.for !== undefined && { for: wanted.for }) } as const;
    const found = this.#queues.get(name);
    const blocked = (why: string, attributes: readonly AttributeDifference[]): Difference => {
      this.#unusable.add(`queue ${name}`);
      return { action: 'blocked', exists: found !== undefined, ...object, attributes, why };
    };
    if (found === undefined) {
      // A role declares its exclusive queue when it connects.
      if (wanted.exclusive) return undefined;
      const attributes = created(queueFields(wanted, wanted.type), { durable: true }, wanted.arguments);
      if (!isDeclared) return blocked(notDeclared, attributes);
      if (name.startsWith('amq.')) return blocked(reserved, attributes);
      return {
        action: 'create',
        exists: false,
        ...object,
        attributes,
        why: wanted.for === undefined ? missing : missingFor,
      };
    }
    if (found.exclusive && wanted.exclusive) return undefined;
    const attributes = isDeclared ? this.#queueAttributes(wanted, found) : [];
    if (found.exclusive) return blocked(exclusiveFound, attributes);
    if (wanted.exclusive && isDeclared) return blocked(exclusiveWanted, attributes);
    if (attributes.length === 0) return undefined;
    if (unavailableStates.includes(found.state ?? ''))
      return blocked(`the queue is not available (${found.state})`, attributes);
    const changed = { exists: true, ...object, attributes } as const;
    const risk = this.#queueRisk(wanted, found);
    if (this.#isSetByPolicy(attributes, found)) return { action: 'replace', ...changed, risk, why: ofPolicy };
    const policy = wanted.for === undefined ? policyInstead(attributes, found, this.#found.policies) : undefined;
    const why = whyReplace('a queue', attributes);
    // The queue can still be bound, so it blocks no binding.
    const result = isTooLong(name)
      ? ({ action: 'blocked', ...changed, why: `${why}; ${tooLong}` } as const)
      : ({ action: 'replace', ...changed, risk, why } as const);
    return { ...result, ...(policy !== undefined && { policy }) };
  }

  #queueAttributes(wanted: WantedQueue, found: TopologyQueue): AttributeDifference[] {
    const type = wanted.type ?? this.#defaultTypeOf(wanted);
    return [
      ...fieldDifferences(queueFields(wanted, type), queueFields(found, found.type)),
      ...argumentDifferences(wanted.arguments, found.arguments, (one) => isComparedArgument(found.type ?? '', one)),
    ];
  }

  #defaultTypeOf(wanted: WantedQueue): string {
    return hasDefaultType(wanted) ? (this.#found.defaultQueueType ?? 'classic') : 'classic';
  }

  #queueRisk(wanted: WantedQueue, { name, counts = {} }: TopologyQueue): Risk {
    const gap = typicalGapsMs[wanted.type ?? this.#defaultTypeOf(wanted)];
    const otherBindings = this.#otherBindings({ kind: 'queue', name });
    return { ...counts, otherBindings, ...(gap !== undefined && { typicalGapMs: gap }) };
  }

  /** Returns the bindings from or to an object that rascal.json does not define. They are deleted with the object. */
  #otherBindings({ kind, name }: { kind: 'exchange' | 'queue'; name: string }): TopologyBinding[] {
    return this.#found.bindings.filter((one) => {
      const isAtEnd = one.destinationType === kind && one.destination === name;
      const isAttached = isAtEnd || (kind === 'exchange' && one.source === name);
      return isAttached && !this.#wantedBindings.has(bindingId(one));
    });
  }

  /** Reports whether the policy of a queue sets all the differing arguments to the values of rascal.json. */
  #isSetByPolicy(attributes: readonly AttributeDifference[], { policy }: TopologyQueue): boolean {
    const { definition = {} } = this.#found.policies.find(({ name }) => name === policy) ?? {};
    return attributes.every(({ attribute, wanted, found }) => {
      const key = attribute.replace(/^x-/, '');
      return found === null && key !== attribute && isSameValue(definition[key] ?? null, wanted);
    });
  }

  #bindings(): Difference[] {
    const found = new Set(this.#found.bindings.map(bindingId));
    const isUsable = ({ source, destination, destinationType }: TopologyBinding) =>
      !this.#unusable.has(`exchange ${source}`) && !this.#unusable.has(`${destinationType} ${destination}`);
    return this.#wanted.bindings
      .filter((one) => !found.has(bindingId(one)))
      .map((one) => {
        const [action, why] = isUsable(one) ? (['create', missing] as const) : (['blocked', blockedEnd] as const);
        return { action, exists: false, kind: 'binding', ...one, attributes: [], why };
      });
  }
}

/** RabbitMQ 4.3.6: median time to delete, declare and bind a queue on a loaded machine, by the type of the new queue. */
const typicalGapsMs: Readonly<Record<string, number>> = { classic: 25, quorum: 120 };

const missing = 'it does not exist';
const missingFor = 'it does not exist; mq declares it for failed messages';
const reserved = 'it does not exist, and clients may not declare names that begin with amq.';
const notDeclared = 'it does not exist, and rascal.json leaves its declaration to another client ("assert": false)';
const predeclared = 'RabbitMQ declares this exchange itself, and clients can neither delete nor change it';
const exclusiveFound =
  'another connection has an exclusive queue of this name, which is deleted when the connection closes';
const exclusiveWanted =
  'rascal.json defines an exclusive queue, and the queue of this name is not exclusive; roles fail with 405 until it is deleted';
const ofPolicy =
  'the policy of the queue already sets the same values; remove the arguments from rascal.json, because RabbitMQ refuses the declaration with 406';
const blockedEnd = 'it does not exist, and an exchange or queue that it needs is blocked';

/** RabbitMQ 4.0.5, 4.3.6: a queue that cannot be a quorum queue is classic, whatever the default type of the vhost is. */
function hasDefaultType({ durable, autoDelete, exclusive }: WantedQueue): boolean {
  return durable && !autoDelete && !exclusive;
}

function whyReplace(what: string, attributes: readonly AttributeDifference[]): string {
  return attributes.some(({ isRefused }) => isRefused)
    ? `RabbitMQ cannot change ${what}, and refuses the declaration with 406`
    : `RabbitMQ cannot change ${what}, and ignores this difference in a declaration, so roles start`;
}

function exchangeFields({ type, durable, autoDelete, internal }: TopologyExchange): Plain {
  return { type, durable, autoDelete, internal };
}

function queueFields({ durable, autoDelete, exclusive }: TopologyQueue, type: string | undefined): Plain {
  return { type, durable, autoDelete, exclusive };
}

/** Returns the attributes of an object that does not exist, without those that have their default values. */
function created(fields: Plain, defaults: Plain, all: Plain): AttributeDifference[] {
  const set = Object.entries(fields).filter(
    ([name, value]) => value !== undefined && value !== (defaults[name] ?? false),
  );
  return [...set, ...Object.entries(all)].map(([attribute, wanted]) => {
    return { attribute, wanted, found: null, isRefused: false };
  });
}

function fieldDifferences(wanted: Plain, found: Plain): AttributeDifference[] {
  return Object.entries(wanted).flatMap(([attribute, value]) => {
    if (value === found[attribute]) return [];
    return [{ attribute, wanted: value, found: found[attribute] ?? null, isRefused: true }];
  });
}

function argumentDifferences(
  wanted: Plain,
  found: Plain,
  isCompared: (argument: string) => boolean,
): AttributeDifference[] {
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  return [...names].flatMap((attribute) => {
    const [one, other] = [wanted[attribute] ?? null, found[attribute] ?? null];
    if (isSameValue(one, other)) return [];
    return [{ attribute, wanted: one, found: other, isRefused: isCompared(attribute) }];
  });
}

function namesOf(items: readonly { readonly name: string }[]): ReadonlySet<string> {
  return new Set(items.map(({ name }) => name));
}
