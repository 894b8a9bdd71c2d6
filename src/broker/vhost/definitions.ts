// What of a virtual host is durable, as the store keeps it.

import type { Policy, PolicyKind } from '../queue/policies.ts';
import { Queue } from '../queue/queue.ts';
import { type Binding, bindingKey, type Exchange } from '../routing/exchange.ts';
import type { Store } from '../store/contract.ts';
import type { VhostMetadata } from './declarations.ts';

export class Definitions {
  readonly #vhost: string;
  readonly #store: Store;

  constructor(vhost: string, store: Store) {
    this.#vhost = vhost;
    this.#store = store;
  }

  defineExchange(exchange: Exchange): void {
    if (!exchange.isDurable) return;
    const { name, type, isAutoDelete: autoDelete, isInternal: internal } = exchange;
    this.#store.define({
      kind: 'exchange',
      key: this.#key(name),
      value: { vhost: this.#vhost, exchange: name, type, autoDelete, internal, arguments: encoded(exchange) },
    });
  }

  forgetExchange(exchange: Exchange): void {
    if (exchange.isDurable) this.#store.undefine('exchange', this.#key(exchange.name));
  }

  defineQueue(queue: Queue): void {
    if (!queue.isDurable) return;
    const { name, isAutoDelete: autoDelete } = queue;
    const value = { vhost: this.#vhost, queue: name, autoDelete, arguments: encoded(queue) };
    this.#store.define({ kind: 'queue', key: queue.key, value });
  }

  forgetQueue(queue: Queue): void {
    if (queue.isDurable) this.#store.undefine('queue', queue.key);
  }

  defineBinding(binding: Binding): void {
    if (!isDurable(binding)) return;
    const { source, destination, routingKey } = binding;
    this.#store.define({
      kind: 'binding',
      key: this.#key(source.name, bindingKey(binding)),
      value: {
        vhost: this.#vhost,
        source: source.name,
        destination: destination.name,
        isQueue: destination instanceof Queue,
        routingKey,
        arguments: encoded(binding),
      },
    });
  }

  defineVhost(metadata: VhostMetadata): void {
    this.#store.define({ kind: 'vhost', key: this.#vhost, value: { name: this.#vhost, ...metadata } });
  }

  definePolicy(kind: PolicyKind, policy: Policy): void {
    this.#store.define({
      kind: 'policy',
      key: this.#key(kind, policy.name),
      value: { vhost: this.#vhost, kind, ...policy },
    });
  }

  forgetPolicy(kind: PolicyKind, name: string): void {
    this.#store.undefine('policy', this.#key(kind, name));
  }

  forgetBinding(binding: Binding): void {
    if (!isDurable(binding)) return;
    this.#store.undefine('binding', this.#key(binding.source.name, bindingKey(binding)));
  }

  #key(...parts: readonly string[]): string {
    return [this.#vhost, ...parts].join('\0');
  }
}

function isDurable({ source, destination }: Binding): boolean {
  return source.isDurable && destination.isDurable;
}

function encoded({ arguments: all }: Pick<Queue, 'arguments'>): string {
  return all.raw.toString('base64');
}
