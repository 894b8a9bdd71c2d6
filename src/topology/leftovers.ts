// Finds what mq apply --prune deletes: objects that rascal.json owns ("owns") and no longer defines. Pure: it sends no
// request.

import { isOnTheWay } from '../delay/objects.ts';
import type { Difference } from './difference.ts';
import { isOwned } from './leftovers/owned-names.ts';
import { isProtectedExchange, isProtectedQueue } from './leftovers/protected-names.ts';
import {
  bindingId,
  type Topology,
  type TopologyBinding,
  type TopologyExchange,
  type TopologyQueue,
  unavailableStates,
} from './topology.ts';
import type { WantedTopology } from './wanted.ts';

/** Returns a `delete` difference for each exchange, queue and binding, in this order. */
export function leftovers(wanted: WantedTopology, found: Topology): Difference[] {
  if (wanted.ownership === undefined || wanted.ownership.patterns.length === 0) return [];
  return new LeftoverSearch(wanted, found, wanted.ownership).differences();
}

/** Returns the names of the exchanges and queues, and the ids of the bindings, that the differences delete. */
export function deletedBy(differences: readonly Difference[]) {
  const all = differences.flatMap((one) => [
    ...(one.kind === 'binding' ? [bindingId(one)] : []),
    ...(one.risk?.otherBindings ?? []).map(bindingId),
  ]);
  const names = (kind: 'exchange' | 'queue') =>
    new Set(differences.flatMap((one) => (one.kind === kind ? [one.name] : [])));
  return { exchange: names('exchange'), queue: names('queue'), binding: new Set(all) };
}

type Ownership = NonNullable<WantedTopology['ownership']>;

class LeftoverSearch {
  readonly #wanted: WantedTopology;
  readonly #found: Topology;
  readonly #isOwned: (name: string) => boolean;
  readonly #exchanges: readonly TopologyExchange[];
  readonly #queues: readonly TopologyQueue[];
  /** `exchange name` and `queue name` of the objects to delete. */
  readonly #deleted: ReadonlySet<string>;
  readonly #bindings: readonly TopologyBinding[];

  constructor(wanted: WantedTopology, found: Topology, ownership: Ownership) {
    this.#wanted = wanted;
    this.#found = found;
    this.#isOwned = (name) => isOwned(ownership.patterns, name);
    const exchanges = new Set([...wanted.exchanges.map(({ name }) => name), ...ownership.definedExchanges]);
    const queues = new Set([...wanted.queues.map(({ name }) => name), ...ownership.definedQueues]);
    // Roles declare them for --delay without an entry in rascal.json, and a message that waits needs those that are empty, too.
    const isOfDelays = (name: string) => ownership.delayNames.some((start) => isOnTheWay(start, name));
    const isUndefined = (names: ReadonlySet<string>, name: string) =>
      this.#isOwned(name) && !names.has(name) && !isOfDelays(name);
    this.#exchanges = found.exchanges.filter((one) => isUndefined(exchanges, one.name) && !isProtectedExchange(one));
    this.#queues = found.queues.filter(
      (one) => isUndefined(queues, one.name) && !isProtectedQueue(one, (name) => queues.has(name)),
    );
    this.#deleted = new Set([
      ...this.#exchanges.map(({ name }) => `exchange ${name}`),
      ...this.#queues.map(({ name }) => `queue ${name}`),
    ]);
    this.#bindings = this.#oldBindings({ exchange: exchanges, queue: queues }, ownership);
  }

  /** Returns the bindings between owned objects of the file that the file does not define. */
  #oldBindings(defined: Readonly<Record<'exchange' | 'queue', ReadonlySet<string>>>, ownership: Ownership) {
    // A role binds its exclusive queue, and some roles bind a queue with keys of the command line.
    const boundByRoles = new Set([
      ...this.#found.queues.filter(({ exclusive }) => exclusive).map(({ name }) => name),
      ...ownership.queuesBoundByRoles,
    ]);
    const ids = new Set(this.#wanted.bindings.map(bindingId));
    return this.#found.bindings.filter((one) => {
      const { source, destination, destinationType } = one;
      const isBetweenOwn = this.#isOwned(source) && this.#isOwned(destination);
      const isBetweenDefined = defined.exchange.has(source) && defined[destinationType].has(destination);
      const isOfRole = destinationType === 'queue' && boundByRoles.has(destination);
      return isBetweenOwn && isBetweenDefined && !isOfRole && !ids.has(bindingId(one));
    });
  }

  differences(): Difference[] {
    const common = { action: 'delete', exists: true, attributes: [] } as const;
    return [
      ...this.#exchanges.map((one): Difference => {
        const object = { kind: 'exchange', name: one.name } as const;
        const risk = { otherBindings: this.#attached(object) };
        return { ...common, ...object, why: undefinedName, risk, ...obstacles(this.#exchangeObstacles(one)) };
      }),
      ...this.#queues.map((one): Difference => {
        const object = { kind: 'queue', name: one.name } as const;
        const risk = { ...one.counts, otherBindings: this.#attached(object) };
        return { ...common, ...object, why: undefinedName, risk, ...obstacles(this.#queueObstacles(one)) };
      }),
      ...this.#bindings.map((one): Difference => {
        return { ...common, kind: 'binding', ...one, why: undefinedBinding, ...obstacles(this.#lastBinding(one)) };
      }),
    ];
  }

  /** Returns the bindings from and to the object. They are deleted with it. */
  #attached({ kind, name }: { kind: 'exchange' | 'queue'; name: string }): TopologyBinding[] {
    return this.#found.bindings.filter(
      ({ source, destination, destinationType }) =>
        (destinationType === kind && destination === name) || (kind === 'exchange' && source === name),
    );
  }

  #exchangeObstacles({ name }: TopologyExchange): string[] {
    const routes = this.#found.bindings.filter(
      ({ source, destination }) => source === name && !this.#isOwned(destination),
    );
    const others = routes.map(
      ({ destination, destinationType }) => `it routes to the ${destinationType} '${destination}'`,
    );
    return [
      ...new Set(others),
      ...this.#incomingObstacles('exchange', name),
      ...this.#references({
        exchange: ({ arguments: all }) => all['alternate-exchange'] === name,
        queue: ({ arguments: all }) => all['x-dead-letter-exchange'] === name,
        policy: (definition) =>
          definition['alternate-exchange'] === name || definition['dead-letter-exchange'] === name,
      }),
    ];
  }

  #queueObstacles({ name, state = 'running' }: TopologyQueue): string[] {
    return [
      ...(unavailableStates.includes(state) ? [`it is not available (${state})`] : []),
      ...this.#incomingObstacles('queue', name),
      ...this.#references({
        exchange: () => false,
        queue: ({ arguments: all }) =>
          all['x-dead-letter-exchange'] === '' && all['x-dead-letter-routing-key'] === name,
        policy: (definition) =>
          definition['dead-letter-exchange'] === '' && definition['dead-letter-routing-key'] === name,
      }),
    ];
  }

  #incomingObstacles(kind: 'exchange' | 'queue', name: string): string[] {
    const incoming = this.#found.bindings.filter((one) => one.destinationType === kind && one.destination === name);
    return [...new Set(incoming.flatMap((one) => this.#lastBinding(one)))];
  }

  /** Returns an obstacle if the broker would delete the source of the binding (auto-delete) with its last binding. */
  #lastBinding({ source }: TopologyBinding): string[] {
    const exchange = this.#found.exchanges.find(({ name }) => name === source);
    if (exchange?.autoDelete !== true || this.#deleted.has(`exchange ${source}`)) return [];
    const removed = new Set(this.#bindings.map(bindingId));
    const isKept = (one: TopologyBinding) =>
      !removed.has(bindingId(one)) && !this.#deleted.has(`${one.destinationType} ${one.destination}`);
    const remains =
      this.#wanted.bindings.some((one) => one.source === source) ||
      this.#found.bindings.some((one) => one.source === source && isKept(one));
    return remains ? [] : [`the auto-delete exchange '${source}' would be deleted with its last binding`];
  }

  /** Returns the objects that stay and that send messages to the object. */
  #references({ exchange, queue, policy }: ReferenceTests): string[] {
    const { exchanges, queues } = this.#found;
    // The policies of the file are set before anything is deleted.
    const { policies: set, operatorPolicies } = this.#wanted;
    const kept = this.#found.policies.filter(({ name }) => !set.some((one) => one.name === name));
    const policies = [...kept, ...set, ...operatorPolicies];
    return [
      ...exchanges
        .filter((one) => exchange(one) && !this.#deleted.has(`exchange ${one.name}`))
        .map(({ name }) => `it is the alternate exchange of the exchange '${name}'`),
      ...queues
        .filter((one) => queue(one) && !this.#deleted.has(`queue ${one.name}`))
        .map(({ name }) => `it receives the dead letters of the queue '${name}'`),
      ...policies.filter(({ definition }) => policy(definition)).map(({ name }) => `the policy '${name}' names it`),
    ];
  }
}

interface ReferenceTests {
  readonly exchange: (one: TopologyExchange) => boolean;
  readonly queue: (one: TopologyQueue) => boolean;
  readonly policy: (definition: TopologyExchange['arguments']) => boolean;
}

const undefinedName = 'rascal.json does not define it, and "owns" matches its name';
const undefinedBinding = 'rascal.json does not define it, and "owns" matches both ends';

function obstacles(all: readonly string[]): { obstacles?: readonly string[] } {
  return all.length === 0 ? {} : { obstacles: all };
}
