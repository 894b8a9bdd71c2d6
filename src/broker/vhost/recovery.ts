// Rebuilds the broker from its store: virtual hosts, users, policies, exchanges, queues, bindings and messages.

import { Arguments } from '../codec/arguments.ts';
import { scanProperties } from '../codec/properties.ts';
import { Message } from '../queue/message.ts';
import { MessageQueue } from '../queue/message-queue.ts';
import type { Definition, Store, StoredEntry, StoredMessage } from '../store/contract.ts';
import type { BindingValue, BrokerDefinition, ExchangeValue, QueueValue } from './definitions.ts';
import type { Users } from './users.ts';
import type { VirtualHost } from './vhost.ts';
import type { Vhosts } from './vhosts.ts';

interface Target {
  readonly vhosts: Vhosts;
  readonly users: Users;
  readonly log: (line: string) => void;
}

/** The last record that a broker writes before it exits normally. */
const closed: BrokerDefinition = { kind: 'closed', key: '', value: true };

/** The order of recovery, because a definition may refer to definitions of earlier kinds. */
const kinds = ['vhost', 'user', 'permission', 'topic-permission', 'policy', 'exchange', 'queue', 'binding'];

/** Records that the broker exits normally. */
export function markClosed(store: Store | undefined): void {
  store?.define(closed);
}

/** Removes the record of the normal exit. Resolves when the removal is on disk. */
export async function markOpen(store: Store | undefined): Promise<void> {
  store?.undefine(closed.kind, closed.key);
  await new Promise<void>((done) => (store === undefined ? done() : store.committed(() => done())));
}

/** Recreates the contents of the store in the broker. Empties the arrays of `store.recovered`. */
export function recover(store: Store, target: Target): void {
  const { definitions, entries } = store.recovered;
  const recovery = new Recovery(store, target);
  recovery.define(definitions);
  // The logs of other folders belong to streams that were deleted, or whose declaration was not answered.
  store.keepStreams(new Set(definitions.filter(isQueue).map(({ value }) => value.logFolder ?? '')));
  const wasClosed = definitions.some(({ kind }) => kind === closed.kind);
  recovery.enqueue(entries, wasClosed);
  definitions.length = 0;
  entries.length = 0;
}

/** Returns the patterns of permissions and policies. The engine of regular expressions must be loaded before `recover`. */
export function patternsOf(definitions: readonly Definition[]): string[] {
  return definitions.filter(isKnown).flatMap(({ kind, value }) => {
    if (kind === 'permission') return [value.configure, value.write, value.read];
    if (kind === 'topic-permission') return [value.write, value.read];
    return kind === 'policy' ? [value.pattern] : [];
  });
}

class Recovery {
  readonly #store: Store;
  readonly #target: Target;
  /** The keys of definitions that cannot be recovered. Their bindings and messages stay in the store. */
  readonly #setAside = new Set<string>();

  constructor(store: Store, target: Target) {
    this.#store = store;
    this.#target = target;
  }

  define(definitions: readonly Definition[]): void {
    for (const kind of kinds) {
      for (const definition of definitions) {
        if (definition.kind !== kind || !isKnown(definition)) continue;
        const what = `the ${kind} '${definition.key.replaceAll('\0', ' ')}'`;
        if (!this.#succeeds(what, () => this.#define(definition))) this.#setAside.add(definition.key);
      }
    }
  }

  /** `wasClosed` is true if the broker exited normally. */
  enqueue(entries: readonly StoredEntry[], wasClosed: boolean): void {
    const queues = new Map<string, MessageQueue>();
    for (const vhost of this.#target.vhosts.all.values()) {
      for (const queue of vhost.queues.values()) if (queue instanceof MessageQueue) queues.set(queue.key, queue);
    }
    const messages = new Map<number, Message>();
    for (const { message: stored, queue: key, returns, expiresAt } of inOrder(entries, queues)) {
      const queue = queues.get(key);
      if (queue === undefined) {
        // The broker ended after it removed the queue and before it removed the messages.
        if (!this.#setAside.has(key)) this.#store.drop(key);
        continue;
      }
      this.#succeeds(`a message of ${queue.what}`, () => {
        const message = messages.get(stored.id) ?? messageOf(stored);
        messages.set(stored.id, message);
        // The store does not record deliveries, so after a crash every message may have been delivered. Before a
        // normal exit, the broker has recorded the messages that came back from its connections.
        const redelivered = !wasClosed || returns.acquiredCount > 0;
        queue.recover(message, { storeId: stored.id, expiresAt, returns, redelivered });
      });
    }
  }

  #define(definition: BrokerDefinition): void {
    const { vhosts, users } = this.#target;
    switch (definition.kind) {
      case 'vhost': {
        const { name, ...metadata } = definition.value;
        const vhost = vhosts.recover(name);
        vhost.metadata = { ...vhost.metadata, ...metadata };
        break;
      }
      case 'user':
      case 'permission':
      case 'topic-permission':
        users.recover(definition);
        break;
      case 'policy':
      case 'exchange':
      case 'queue':
      case 'binding': {
        const vhost = this.#vhostOf(definition);
        if (vhost !== undefined) this.#defineIn(vhost, definition);
      }
    }
  }

  /** Returns `undefined`, and removes the definition, if it belongs to a virtual host that was removed. */
  #vhostOf({ kind, key, value }: VhostDefinition): VirtualHost | undefined {
    const vhost = this.#target.vhosts.all.get(value.vhost);
    if (vhost !== undefined) return vhost;
    if (this.#setAside.has(value.vhost)) throw new Error('its virtual host is set aside');
    // The broker ended after it removed the virtual host and before it removed this definition.
    this.#store.undefine(kind, key);
    return undefined;
  }

  #defineIn(vhost: VirtualHost, definition: VhostDefinition): void {
    switch (definition.kind) {
      case 'policy': {
        const { kind, vhost: _, ...policy } = definition.value;
        vhost.addPolicy(kind, policy);
        break;
      }
      case 'exchange': {
        const { exchange, type, internal } = definition.value;
        vhost.addExchange({ ...partsOf(definition.value), exchange, type, internal });
        break;
      }
      case 'queue': {
        const { queue, logFolder } = definition.value;
        const parts = { ...partsOf(definition.value), queue, logFolder, exclusive: false };
        vhost.addQueue(parts, undefined);
        break;
      }
      case 'binding':
        this.#bind(vhost, definition);
    }
  }

  #bind(vhost: VirtualHost, { kind, key, value }: { kind: string; key: string; value: BindingValue }): void {
    const { source, destination, isQueue, routingKey } = value;
    if (vhost.exchanges.has(source) && (isQueue ? vhost.queues : vhost.exchanges).has(destination)) {
      vhost.addBinding({ source, destination, isQueue, routingKey, arguments: argumentsOf(value) });
      return;
    }
    const isSetAside = [source, destination].some((name) => this.#setAside.has(`${vhost.name}\0${name}`));
    // The broker ended after it removed the queue or the exchange and before it removed this binding.
    if (!isSetAside) this.#store.undefine(kind, key);
  }

  /** Does the work and returns true. If it throws, logs that the record is set aside: it stays in the store and is not used. */
  #succeeds(what: string, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#target.log(`the store: ${what} cannot be recovered and is set aside: ${reason}`);
      return false;
    }
  }
}

type VhostDefinition = Extract<BrokerDefinition, { kind: 'policy' | 'exchange' | 'queue' | 'binding' }>;

function isQueue(definition: Definition): definition is Extract<BrokerDefinition, { kind: 'queue' }> {
  return definition.kind === 'queue';
}

/** Checks only the kind, because only this broker writes definitions and the store checks that they are intact. */
function isKnown(definition: Definition): definition is BrokerDefinition {
  return kinds.includes(definition.kind);
}

/**
 * Returns the entries in the order in which they are put into the queues. A quorum queue first delivers the messages that
 * came back, in the order of their return. A classic queue delivers all messages in the order of their arrival.
 */
function inOrder(entries: readonly StoredEntry[], queues: ReadonlyMap<string, MessageQueue>): readonly StoredEntry[] {
  const isReturned = ({ queue, returns }: StoredEntry) =>
    returns.acquiredCount > 0 && queues.get(queue)?.settings.type === 'quorum';
  const returned = entries.filter(isReturned);
  returned.sort((one, other) => one.returns.order - other.returns.order);
  return [...entries.filter((entry) => !isReturned(entry)), ...returned];
}

function partsOf(value: ExchangeValue | QueueValue) {
  return { durable: true, autoDelete: value.autoDelete, arguments: argumentsOf(value) };
}

function argumentsOf(value: { readonly arguments: string }): Arguments {
  return Arguments.decode(Buffer.from(value.arguments, 'base64'));
}

function messageOf(stored: StoredMessage): Message {
  const { deliveryMode, priority, expiration } = scanProperties(stored.content, 0, stored.propertiesLength);
  return new Message({
    ...stored,
    persistent: deliveryMode === 2,
    priority,
    expirationMs: expiration === undefined ? undefined : Number(expiration),
  });
}
