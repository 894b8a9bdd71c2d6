// Indexes the bindings of a virtual host by destination. The bindings of a deleted queue are found without a search through
// all exchanges.

import type { Queue } from '../queue/queue.ts';
import { type Binding, bindingKey, type Exchange } from './exchange.ts';

export class Bindings {
  readonly #byDestination = new Map<Queue | Exchange, Set<Binding>>();

  /** Adds a binding. Returns false if it already exists. */
  add(binding: Binding): boolean {
    const { source, destination } = binding;
    if (!source.add(binding)) return false;
    const bindings = this.#byDestination.get(destination);
    if (bindings === undefined) this.#byDestination.set(destination, new Set([binding]));
    else bindings.add(binding);
    return true;
  }

  /** Returns the existing binding with the same names and arguments. */
  find(binding: Binding | undefined): Binding | undefined {
    return binding?.source.bindings.get(bindingKey(binding));
  }

  /** Removes a binding. Returns it, or `undefined` if it did not exist. */
  remove(binding: Binding): Binding | undefined {
    const removed = binding.source.remove(binding);
    if (removed === undefined) return undefined;
    const bindings = this.#byDestination.get(removed.destination);
    bindings?.delete(removed);
    if (bindings?.size === 0) this.#byDestination.delete(removed.destination);
    return removed;
  }

  /** Removes a deleted queue or exchange from the index. Returns the bindings to it, which the caller removes one by one. */
  takeTo(destination: Queue | Exchange): Iterable<Binding> {
    const bindings = this.#byDestination.get(destination) ?? [];
    this.#byDestination.delete(destination);
    return bindings;
  }
}
