// Finds the exchanges, queues and bindings of a vhost that the given publications and subscriptions need. Rascal
// declares everything that it is given, and one queue that cannot be declared makes the whole vhost unavailable.

import { alternateExchange, type BindingConfig, deadLetterTarget, isPrivate, type VhostConfig } from '../config.ts';

interface UsedNames {
  /** Exchanges to publish to. */
  readonly exchanges: readonly string[];
  /** Queues to publish to. */
  readonly queues: readonly string[];
  /** Queues to consume from. */
  readonly consumed: readonly string[];
}

export interface NeededTopology {
  readonly exchanges: ReadonlySet<string>;
  readonly queues: ReadonlySet<string>;
  readonly bindings: ReadonlySet<BindingConfig>;
}

/**
 * Returns the part of the vhost that published messages can reach, and the part through which messages reach the
 * consumed queues. Ignores names that the vhost does not define.
 */
export function neededTopology(vhost: VhostConfig, used: UsedNames): NeededTopology {
  const search = new TopologySearch(vhost);
  for (const name of used.exchanges) search.followDown(name);
  for (const name of used.queues) search.addQueue(name);
  for (const name of used.consumed) {
    search.addQueue(name);
    search.followUp(name, 'queue');
  }
  return search;
}

class TopologySearch implements NeededTopology {
  readonly exchanges = new Set<string>();
  readonly queues = new Set<string>();
  readonly bindings = new Set<BindingConfig>();
  readonly #vhost: VhostConfig;
  readonly #followed = { up: new Set<string>(), down: new Set<string>() };

  constructor(vhost: VhostConfig) {
    this.#vhost = vhost;
  }

  /** Adds a queue and everything that its dead letters can reach. */
  addQueue(name: string): void {
    const queue = this.#vhost.queues[name];
    if (queue === undefined || this.queues.has(name)) return;
    this.queues.add(name);
    const { exchange, key } = deadLetterTarget(queue);
    if (exchange === '' && key !== undefined) this.#addShared(key);
    else if (exchange !== undefined) this.followDown(exchange);
  }

  /** Adds everything that a message published to the exchange can reach, except private queues of other connections. */
  followDown(name: string): void {
    if (!this.#addExchange(name) || this.#followed.down.has(name)) return;
    this.#followed.down.add(name);
    for (const binding of this.#vhost.bindings) {
      if (binding.source !== name) continue;
      if (binding.destinationType === 'queue') {
        if (this.#addShared(binding.destination)) this.bindings.add(binding);
      } else if (this.#vhost.exchanges[binding.destination] !== undefined) {
        this.bindings.add(binding);
        this.followDown(binding.destination);
      }
    }
  }

  /** Adds the bindings and exchanges through which messages reach the destination. */
  followUp(destination: string, type: 'queue' | 'exchange'): void {
    for (const binding of this.#vhost.bindings) {
      if (binding.destination !== destination || binding.destinationType !== type) continue;
      if (!this.#addExchange(binding.source)) continue;
      this.bindings.add(binding);
      if (this.#followed.up.has(binding.source)) continue;
      this.#followed.up.add(binding.source);
      this.followUp(binding.source, 'exchange');
    }
  }

  /** Adds a queue. Returns `false` if the vhost does not define it, or if it is private. */
  #addShared(name: string): boolean {
    const queue = this.#vhost.queues[name];
    if (queue === undefined || isPrivate(queue)) return false;
    this.addQueue(name);
    return true;
  }

  /** Adds an exchange and everything that its alternate exchange can reach. Returns `false` if it is not defined. */
  #addExchange(name: string): boolean {
    const exchange = this.#vhost.exchanges[name];
    if (exchange === undefined) return false;
    if (this.exchanges.has(name)) return true;
    this.exchanges.add(name);
    const alternate = alternateExchange(exchange);
    if (alternate !== undefined) this.followDown(alternate);
    return true;
  }
}
