// Finds the exchanges, queues and bindings of a vhost that the given publications and subscriptions need. Rascal
// declares everything that it is given, and one queue that cannot be declared makes the whole vhost unavailable.

import { type BindingConfig, deadLetterTarget, isPrivate, type VhostConfig } from '../config.ts';
import { objectOf } from '../plain.ts';

export interface Starts {
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
 * Returns the part of the vhost that messages to and from the starts can reach. Names that the vhost does not define
 * are ignored.
 */
export function neededTopology(vhost: VhostConfig, starts: Starts): NeededTopology {
  const exchanges = new Set<string>();
  const queues = new Set<string>();
  const bindings = new Set<BindingConfig>();
  const followed = { up: new Set<string>(), down: new Set<string>() };
  for (const name of starts.exchanges) down(name);
  for (const name of starts.queues) takeQueue(name);
  for (const name of starts.consumed) {
    takeQueue(name);
    upFrom(name, 'queue');
  }
  return { exchanges, queues, bindings };

  function takeQueue(name: string): void {
    const queue = vhost.queues[name];
    if (queue === undefined || queues.has(name)) return;
    queues.add(name);
    const { exchange, key } = deadLetterTarget(queue);
    if (exchange === '' && key !== undefined) takeShared(key);
    else if (exchange !== undefined) down(exchange);
  }

  function takeShared(name: string): boolean {
    const queue = vhost.queues[name];
    if (queue === undefined || isPrivate(queue)) return false;
    takeQueue(name);
    return true;
  }

  function takeExchange(name: string): boolean {
    const exchange = vhost.exchanges[name];
    if (exchange === undefined) return false;
    if (exchanges.has(name)) return true;
    exchanges.add(name);
    const given =
      objectOf(exchange.options?.['arguments'])['alternate-exchange'] ?? exchange.options?.['alternateExchange'];
    if (typeof given === 'string') down(given);
    return true;
  }

  // Follows everything that a message published to the exchange can reach, except private queues of other connections.
  function down(name: string): void {
    if (!takeExchange(name) || followed.down.has(name)) return;
    followed.down.add(name);
    for (const binding of vhost.bindings) {
      if (binding.source !== name) continue;
      if (binding.destinationType === 'queue') {
        if (takeShared(binding.destination)) bindings.add(binding);
      } else if (vhost.exchanges[binding.destination] !== undefined) {
        bindings.add(binding);
        down(binding.destination);
      }
    }
  }

  function upFrom(destination: string, type: 'queue' | 'exchange'): void {
    for (const binding of vhost.bindings) {
      if (binding.destination !== destination || binding.destinationType !== type) continue;
      if (!takeExchange(binding.source)) continue;
      bindings.add(binding);
      if (followed.up.has(binding.source)) continue;
      followed.up.add(binding.source);
      upFrom(binding.source, 'exchange');
    }
  }
}
