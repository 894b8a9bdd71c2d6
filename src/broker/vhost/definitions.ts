// The durable definitions of a virtual host: their form in the store, and the methods that write them.

import type { Policy, PolicyKind } from '../queue/policies.ts';
import { Queue } from '../queue/queue.ts';
import { type Binding, bindingKey, type Exchange, type ExchangeType } from '../routing/exchange.ts';
import type { Store } from '../store/contract.ts';
import { Stream } from '../stream/stream.ts';
import type { VhostMetadata } from './declarations.ts';
import type { UserDefinition } from './users.ts';

/** A definition as this broker writes it. The arguments are an encoded field table in base64. */
export type BrokerDefinition =
  | UserDefinition
  | DefinitionOf<'closed', true>
  | DefinitionOf<'cluster-name', string>
  // The value contains only the name until metadata is set.
  | DefinitionOf<'vhost', { readonly name: string } & Partial<VhostMetadata>>
  | DefinitionOf<'policy', Policy & { readonly vhost: string; readonly kind: PolicyKind }>
  | DefinitionOf<'exchange', ExchangeValue>
  | DefinitionOf<'queue', QueueValue>
  | DefinitionOf<'binding', BindingValue>;

interface DefinitionOf<Kind extends string, Value> {
  readonly kind: Kind;
  readonly key: string;
  readonly value: Value;
}

export interface ExchangeValue {
  readonly vhost: string;
  readonly exchange: string;
  readonly type: ExchangeType;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: string;
}

export interface QueueValue {
  readonly vhost: string;
  readonly queue: string;
  readonly autoDelete: boolean;
  readonly arguments: string;
  /** The folder of a stream in the store. */
  readonly logFolder?: string;
}

export interface BindingValue {
  readonly vhost: string;
  readonly source: string;
  readonly destination: string;
  /** True if the destination is a queue, false if it is an exchange. */
  readonly isQueue: boolean;
  readonly routingKey: string;
  readonly arguments: string;
}

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
    this.#define({
      kind: 'exchange',
      key: this.#key(name),
      value: { vhost: this.#vhost, exchange: name, type, autoDelete, internal, arguments: encoded(exchange) },
    });
  }

  undefineExchange(exchange: Exchange): void {
    if (exchange.isDurable) this.#store.undefine('exchange', this.#key(exchange.name));
  }

  defineQueue(queue: Queue): void {
    if (!queue.isDurable) return;
    const { name, isAutoDelete: autoDelete } = queue;
    const log = queue instanceof Stream ? { logFolder: queue.logFolder } : {};
    const value = { vhost: this.#vhost, queue: name, autoDelete, arguments: encoded(queue), ...log };
    this.#define({ kind: 'queue', key: queue.key, value });
  }

  undefineQueue(queue: Queue): void {
    if (queue.isDurable) this.#store.undefine('queue', queue.key);
  }

  defineBinding(binding: Binding): void {
    if (!isDurable(binding)) return;
    const { source, destination, routingKey } = binding;
    this.#define({
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
    this.#define({ kind: 'vhost', key: this.#vhost, value: { name: this.#vhost, ...metadata } });
  }

  definePolicy(kind: PolicyKind, policy: Policy): void {
    this.#define({
      kind: 'policy',
      key: this.#key(kind, policy.name),
      value: { vhost: this.#vhost, kind, ...policy },
    });
  }

  undefinePolicy(kind: PolicyKind, name: string): void {
    this.#store.undefine('policy', this.#key(kind, name));
  }

  undefineBinding(binding: Binding): void {
    if (!isDurable(binding)) return;
    this.#store.undefine('binding', this.#key(binding.source.name, bindingKey(binding)));
  }

  #define(definition: BrokerDefinition): void {
    this.#store.define(definition);
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
