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
    if (exchange.isDeleted) return;
    this.#place.exchanges.delete(exchange.name);
    exchange.isDeleted = true;
    this.#place.version++;
    this.#definitions?.forgetExchange(exchange);
    yield* this.#all(exchange.bindings.values());
    yield* this.#all(this.#bindings.takeTo(exchange));
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
    if (exchange.isAutoDelete && exchange.bindings.size === 0) yield* this.exchange(exchange);
  }

  *#all(bindings: Iterable<Binding>): Work {
    for (const binding of bindings) {
      if (this.#bindings.remove(binding) !== undefined) {
        // A binding of the same names may be there again by now.
        const again = this.#place.exchanges.get(binding.source.name)?.bindings.has(bindingKey(binding));
        if (again !== true) this.#definitions?.forgetBinding(binding);
        yield* this.unused(binding.source);
      }
      yield;
    }
  }
}
