// Removes exchanges, queues and their bindings from a virtual host. A removal yields after each binding, because a queue may
// have a hundred thousand of them.

import type { ChurnCounters } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Queue } from '../queue/queue.ts';
import type { Bindings } from '../routing/bindings.ts';
import { type Binding, bindingKey, type Exchange } from '../routing/exchange.ts';
import type { Work } from '../slices.ts';
import type { Definitions } from './definitions.ts';

/** The part of a virtual host that a removal changes. */
interface RemovalHost {
  readonly exchanges: Map<string, Exchange>;
  readonly queues: Map<string, Queue>;
  /** Incremented when a route may have changed. */
  version: number;
}

/**
 * Throws if a flag of queue.delete forbids the deletion of the queue: 406 on a classic queue, 540 on a quorum queue, which
 * does not support the flags. RabbitMQ: a stream ignores the flags.
 */
export function assertDeletable(queue: Queue, { ifUnused, ifEmpty }: { ifUnused: boolean; ifEmpty: boolean }): void {
  const { what, settings } = queue;
  if (settings.type === 'stream') return;
  for (const [flag, name] of [
    [ifUnused, 'if-unused'],
    [ifEmpty, 'if-empty'],
  ] as const) {
    if (!flag || settings.type !== 'quorum') continue;
    throw new ProtocolError(
      'NOT_IMPLEMENTED',
      `cannot delete ${what}. queue.delete operations with ${name} flag set are not supported by quorum queues`,
    );
  }
  if (ifUnused && queue.consumers.count > 0) throw new ProtocolError('PRECONDITION_FAILED', `${what} in use`);
  if (ifEmpty && queue.readyCount > 0) throw new ProtocolError('PRECONDITION_FAILED', `${what} not empty`);
}

export class Removals {
  readonly #vhost: RemovalHost;
  readonly #bindings: Bindings;
  readonly #definitions: Definitions | undefined;
  readonly #churn: ChurnCounters;

  constructor(
    vhost: RemovalHost,
    parts: { bindings: Bindings; definitions: Definitions | undefined; churn: ChurnCounters },
  ) {
    this.#vhost = vhost;
    this.#bindings = parts.bindings;
    this.#definitions = parts.definitions;
    this.#churn = parts.churn;
  }

  *exchange(exchange: Exchange): Work {
    if (!exchange.isDeleted) yield* this.#removeAll(this.#removeExchange(exchange));
  }

  *queue(queue: Queue): Work {
    if (queue.isDeleted) return;
    this.#vhost.queues.delete(queue.name);
    this.#churn.queue_deleted++;
    this.#vhost.version++;
    this.#definitions?.undefineQueue(queue);
    queue.delete();
    yield* this.#removeAll(this.#bindings.takeTo(queue));
  }

  /** Deletes an auto-delete exchange without bindings. AMQP 0-9-1 reserves this field, but RabbitMQ uses it. */
  *ifUnused(exchange: Exchange): Work {
    if (isUnused(exchange)) yield* this.exchange(exchange);
  }

  /** Removes an exchange from the virtual host. Returns its bindings, which the caller removes. */
  #removeExchange(exchange: Exchange): Iterator<Binding> {
    this.#vhost.exchanges.delete(exchange.name);
    exchange.isDeleted = true;
    this.#vhost.version++;
    this.#definitions?.undefineExchange(exchange);
    return this.#bindingsOf(exchange);
  }

  *#bindingsOf(exchange: Exchange): Generator<Binding, undefined> {
    yield* exchange.bindings.values();
    yield* this.#bindings.takeTo(exchange);
  }

  /**
   * Removes bindings. If the last binding from an auto-delete exchange is removed, the exchange is removed too, together with
   * the bindings to it. This uses a stack of iterators, because a recursion through a long chain of exchanges would overflow
   * the call stack.
   */
  *#removeAll(bindings: Iterable<Binding> | Iterator<Binding>): Work {
    const stack = [Iterator.from(bindings)];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { done, value: binding } = top.next();
      if (done === true) {
        stack.pop();
        continue;
      }
      if (this.#bindings.remove(binding) !== undefined) {
        const { source } = binding;
        // If a client has declared the same binding again, its definition stays.
        const exists = this.#vhost.exchanges.get(source.name)?.bindings.has(bindingKey(binding));
        if (exists !== true) this.#definitions?.undefineBinding(binding);
        if (isUnused(source)) stack.push(Iterator.from(this.#removeExchange(source)));
      }
      yield;
    }
  }
}

function isUnused({ isAutoDelete, isDeleted, bindings }: Exchange): boolean {
  return isAutoDelete && !isDeleted && bindings.size === 0;
}
