// The bindings of a virtual host by what they lead to, so that a queue goes without a search through all exchanges.

import type { Queue } from '../queue/queue.ts';
import { type Binding, bindingKey, type Exchange } from './exchange.ts';

export class Bindings {
  readonly #byDestination = new Map<Queue | Exchange, Set<Binding>>();

  /** Returns false if the binding exists. */
  add(binding: Binding): boolean {
    const { source, destination } = binding;
    if (!source.add(binding)) return false;
    const leading = this.#byDestination.get(destination);
    if (leading === undefined) this.#byDestination.set(destination, new Set([binding]));
    else leading.add(binding);
    return true;
  }

  /** Returns the binding that exists. */
  find(binding: Binding | undefined): Binding | undefined {
    return binding?.source.bindings.get(bindingKey(binding));
  }

  /** Returns the binding that existed, if there was one. */
  remove(binding: Binding): Binding | undefined {
    const found = binding.source.remove(binding);
    if (found === undefined) return undefined;
    const leading = this.#byDestination.get(found.destination);
    leading?.delete(found);
    if (leading?.size === 0) this.#byDestination.delete(found.destination);
    return found;
  }

  /** Returns the bindings that lead to a queue or an exchange that is deleted. They are still to be removed, one by one. */
  takeTo(destination: Queue | Exchange): Iterable<Binding> {
    const leading = this.#byDestination.get(destination) ?? [];
    this.#byDestination.delete(destination);
    return leading;
  }
}
