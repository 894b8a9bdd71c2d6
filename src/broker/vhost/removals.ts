// The end of the exchanges, queues and bindings of a virtual host. Each is work for many turns, because a queue may have a
// hundred thousand bindings.

import type { ChurnCounters } from '../counters.ts';
import type { Queue } from '../queue/queue.ts';
import type { Bindings } from '../routing/bindings.ts';
import { type Binding, bindingKey, type Exchange } from '../routing/exchange.ts';
import type { Work } from '../slices.ts';
import type { Definitions } from './definitions.ts';

interface Place {
  readonly exchanges: Map<string, Exchange>;
  readonly queues: Map<string, Queue>;
  /** Goes up whenever a route may have changed. */
  version: number;
}

export class Removals {
  readonly #place: Place;
  readonly #bindings: Bindings;
  readonly #definitions: Definitions | undefined;
  readonly #churn: ChurnCounters;

  constructor(place: Place, parts: { bindings: Bindings; definitions: Definitions | undefined; churn: ChurnCounters }) {
    this.#place = place;
    this.#bindings = parts.bindings;
    this.#definitions = parts.definitions;
    this.#churn = parts.churn;
  }

  *exchange(exchange: Exchange): Work {
    if (!exchange.isDeleted) yield* this.#all(this.#ended(exchange));
  }

  *queue(queue: Queue): Work {
    if (queue.isDeleted) return;
    this.#place.queues.delete(queue.name);
    this.#churn.queue_deleted++;
    this.#place.version++;
    this.#definitions?.forgetQueue(queue);
    queue.delete();
    yield* this.#all(this.#bindings.takeTo(queue));
  }

  /** AMQP 0-9-1, 1.6.2.1: an auto-delete exchange goes with the last thing that was bound to it. */
  *unused(exchange: Exchange): Work {
    if (isUnused(exchange)) yield* this.exchange(exchange);
  }

  /** Takes an exchange out of the virtual host. Returns its bindings, which are still to be removed. */
  #ended(exchange: Exchange): Iterator<Binding> {
    this.#place.exchanges.delete(exchange.name);
    exchange.isDeleted = true;
    this.#place.version++;
    this.#definitions?.forgetExchange(exchange);
    return this.#bindingsOf(exchange);
  }

  *#bindingsOf(exchange: Exchange): Generator<Binding, undefined> {
    yield* exchange.bindings.values();
    yield* this.#bindings.takeTo(exchange);
  }

  /** Removes bindings, and those of the exchanges that end with them. The rows are a stack: exchanges may make a long chain. */
  *#all(bindings: Iterable<Binding> | Iterator<Binding>): Work {
    const rows = [Iterator.from(bindings)];
    for (let row = rows.at(-1); row !== undefined; row = rows.at(-1)) {
      const { done, value: binding } = row.next();
      if (done === true) {
        rows.pop();
        continue;
      }
      if (this.#bindings.remove(binding) !== undefined) {
        const { source } = binding;
        // A binding of the same names may be there again by now.
        const again = this.#place.exchanges.get(source.name)?.bindings.has(bindingKey(binding));
        if (again !== true) this.#definitions?.forgetBinding(binding);
        if (isUnused(source)) rows.push(Iterator.from(this.#ended(source)));
      }
      yield;
    }
  }
}

function isUnused({ isAutoDelete, isDeleted, bindings }: Exchange): boolean {
  return isAutoDelete && !isDeleted && bindings.size === 0;
}
