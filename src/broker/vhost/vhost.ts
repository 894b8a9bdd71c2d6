// A virtual host: declares and deletes its exchanges, queues and bindings, and routes messages through them.

import { dateAt } from '../clock.ts';
import { Arguments } from '../codec/arguments.ts';
import { type ChurnCounters, messageCounters } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import { assertPossible } from '../queue/arguments.ts';
import type { QueueHost, Receipt } from '../queue/host.ts';
import type { Message } from '../queue/message.ts';
import { MessageQueue } from '../queue/message-queue.ts';
import { Policies, type Policy, type PolicyKind, policyKinds } from '../queue/policies.ts';
import { Queue } from '../queue/queue.ts';
import { type QueueOwner, queueSettings } from '../queue/settings.ts';
import { Bindings } from '../routing/bindings.ts';
import { type Binding, Exchange, type ExchangeType, exchangeTypes, predeclared } from '../routing/exchange.ts';
import { route } from '../routing/route.ts';
import { Steps } from '../routing/steps.ts';
import type { Work } from '../slices.ts';
import type { DeathReason, EnqueueTarget, Store } from '../store/contract.ts';
import { Stream } from '../stream/stream.ts';
import { DeadLetters } from './dead-letters.ts';
import {
  type BindingDeclaration,
  type ExchangeDeclaration,
  type QueueDeclaration,
  type VhostMetadata,
  withDefaultType,
} from './declarations.ts';
import { Definitions } from './definitions.ts';
import { Destinations } from './destinations.ts';
import { assertFreeName, assertSameExchange, assertSameQueue, locked } from './equivalence.ts';
import { logFolder, queueName } from './names.ts';
import { assertDeletable, Removals } from './removals.ts';
import { type Routed, refused, routedInMemory, routedNowhere, routedToStore } from './routed.ts';

/** The parts that all virtual hosts of a broker share. */
export type Shared = Pick<QueueHost<Queue>, 'clock' | 'memory' | 'slices' | 'store' | 'log'> & {
  readonly churn: ChurnCounters;
};

export class VirtualHost implements QueueHost<Queue> {
  readonly name: string;
  readonly exchanges = new Map<string, Exchange>();
  readonly queues = new Map<string, Queue>();
  readonly clock: QueueHost<Queue>['clock'];
  readonly memory: QueueHost<Queue>['memory'];
  readonly slices: QueueHost<Queue>['slices'];
  readonly store: QueueHost<Queue>['store'];
  readonly log: QueueHost<Queue>['log'];
  readonly counters = messageCounters();
  /** Incremented when a route may have changed. */
  version = 0;
  readonly policies = new Policies();
  readonly destinations = new Destinations();
  metadata: VhostMetadata;
  connectionCount = 0;
  readonly #churn: ChurnCounters;
  readonly #removals: Removals;
  readonly #bindings = new Bindings();
  readonly #definitions: Definitions | undefined;
  readonly #deadLetters = new DeadLetters(this);

  constructor(name: string, { clock, memory, slices, store, log, churn }: Shared) {
    this.name = name;
    const description = name === '/' ? 'Default virtual host' : '';
    this.metadata = { description, tags: [], defaultQueueType: 'classic', limits: {}, isProtected: false };
    this.clock = clock;
    this.memory = memory;
    this.slices = slices;
    this.store = store;
    this.log = log;
    this.#churn = churn;
    this.#definitions = store === undefined ? undefined : new Definitions(name, store);
    this.#removals = new Removals(this, { bindings: this.#bindings, definitions: this.#definitions, churn });
    for (const [exchange, type, isInternal = false] of predeclared) {
      this.exchanges.set(
        exchange,
        new Exchange({
          name: exchange,
          vhost: name,
          type,
          isDurable: true,
          isAutoDelete: false,
          isInternal,
          arguments: Arguments.none,
        }),
      );
    }
  }

  /** Returns the exchange. Throws 404 if it does not exist. */
  exchange(name: string): Exchange {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) throw new ProtocolError('NOT_FOUND', `no exchange '${name}' in vhost '${this.name}'`);
    return exchange;
  }

  /** Returns the queue. Throws 404 if it does not exist, and 405 if it is exclusive to a connection other than `user`. */
  queue(name: string, user: object | undefined): Queue {
    const queue = this.queues.get(name);
    if (queue === undefined) throw new ProtocolError('NOT_FOUND', `no queue '${name}' in vhost '${this.name}'`);
    if (queue.owner !== undefined && queue.owner !== user) throw locked(queue);
    return queue;
  }

  /** Returns the exchange. Creates it if it does not exist. Throws 406 if it exists and differs. */
  declareExchange(declaration: ExchangeDeclaration): Exchange {
    const type = exchangeTypes.find((each) => each === declaration.type);
    // RabbitMQ before 4.1 closes the connection with 503 for an unknown type.
    if (type === undefined) {
      const what = declaration.type === '' ? 'invalid' : 'unknown';
      throw new ProtocolError('PRECONDITION_FAILED', `${what} exchange type '${declaration.type}'`);
    }
    const existing = this.exchanges.get(declaration.exchange);
    if (existing !== undefined) {
      assertSameExchange(existing, declaration);
      return existing;
    }
    assertFreeName('exchange', declaration.exchange);
    const alternate = declaration.arguments.get('alternate-exchange');
    if (alternate !== undefined && typeof alternate !== 'string') {
      const what = `exchange '${declaration.exchange}' in vhost '${this.name}'`;
      throw new ProtocolError(
        'PRECONDITION_FAILED',
        `invalid type '${declaration.arguments.typeName('alternate-exchange')}' for arg 'alternate-exchange' in ${what}`,
      );
    }
    const exchange = this.addExchange({ ...declaration, type });
    this.#definitions?.defineExchange(exchange);
    return exchange;
  }

  /** Adds an exchange without checks, because `declareExchange` has checked it or it was read from the store. */
  addExchange(declaration: ExchangeDeclaration & { type: ExchangeType }): Exchange {
    const { exchange: name, type, durable, autoDelete, internal, arguments: all } = declaration;
    const exchange = new Exchange({
      name,
      vhost: this.name,
      type,
      isDurable: durable,
      isAutoDelete: autoDelete,
      isInternal: internal,
      arguments: all,
    });
    this.#applyToExchange(exchange);
    this.exchanges.set(name, exchange);
    this.version++;
    return exchange;
  }

  /** Deletes an exchange, if it exists, and calls `done` when its bindings are removed too. */
  deleteExchange(name: string, { ifUnused = false, done = () => {} } = {}): void {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) {
      done();
      return;
    }
    if (ifUnused && exchange.bindings.size > 0)
      throw new ProtocolError('PRECONDITION_FAILED', `${exchange.what} in use`);
    this.slices.run(this.#removals.exchange(exchange), done);
  }

  /**
   * Returns the queue. Creates it if it does not exist. A declaration without a name uses the name `generated`. `owner` is
   * the connection that declares the queue. Throws 406 if the queue exists and differs.
   */
  declareQueue(declaration: QueueDeclaration, owner: QueueOwner | undefined, generated = queueName()): Queue {
    const name = declaration.queue === '' ? generated : declaration.queue;
    if (declaration.queue !== '') assertFreeName('queue', name);
    // RabbitMQ: an exclusive queue is deleted with its connection, and is never durable. RabbitMQ 4.3 refuses queues that are
    // neither exclusive nor durable (541). This broker accepts them as RabbitMQ 4.0 does, because many clients declare them.
    const durable = declaration.durable && !declaration.exclusive;
    const wanted = { ...withDefaultType(declaration, this.metadata.defaultQueueType), queue: name, durable };
    this.#churn.queue_declared++;
    const existing = this.queues.get(name);
    if (existing !== undefined) {
      assertSameQueue(existing, wanted, owner);
      existing.touch();
      return existing;
    }
    this.#assertRoomForQueue(name);
    const isServerNamed = declaration.queue === '';
    assertPossible(wanted, { what: `queue '${name}' in vhost '${this.name}'`, isServerNamed });
    const queue = this.addQueue(wanted, wanted.exclusive ? owner : undefined);
    this.#definitions?.defineQueue(queue);
    return queue;
  }

  /** Adds a new queue without checks, because `declareQueue` has checked it or it was read from the store. */
  addQueue(declaration: QueueDeclaration, owner: QueueOwner | undefined): Queue {
    const { queue: name, durable, autoDelete, arguments: all } = declaration;
    const what = `queue '${name}' in vhost '${this.name}'`;
    const { type } = queueSettings(all, what);
    const policy = this.policies.appliedTo(name, type);
    const settings = queueSettings(all, what, policy.definition);
    const parts = {
      name,
      vhost: this.name,
      isDurable: durable,
      isAutoDelete: autoDelete,
      owner,
      arguments: all,
      settings,
      policy,
    };
    const queue =
      type === 'stream' ? new Stream(parts, declaration.logFolder ?? logFolder(), this) : new MessageQueue(parts, this);
    this.queues.set(name, queue);
    this.version++;
    this.#churn.queue_created++;
    return queue;
  }

  setPolicy(kind: PolicyKind, policy: Policy): void {
    this.addPolicy(kind, policy);
    this.#definitions?.definePolicy(kind, policy);
  }

  /** Adds a policy without writing it to the store. */
  addPolicy(kind: PolicyKind, policy: Policy): void {
    this.policies.set(kind, policy);
    this.#applyPolicies();
  }

  removePolicy(kind: PolicyKind, name: string): void {
    this.policies.remove(kind, name);
    this.#definitions?.undefinePolicy(kind, name);
    this.#applyPolicies();
  }

  setMetadata(metadata: VhostMetadata): void {
    this.metadata = metadata;
    this.#definitions?.defineVhost(metadata);
  }

  #assertRoomForQueue(name: string): void {
    const limit = this.metadata.limits['max-queues'] ?? -1;
    if (limit < 0 || this.queues.size < limit) return;
    const why = `queue limit in vhost '${this.name}' (${limit}) is reached`;
    throw new ProtocolError('PRECONDITION_FAILED', `cannot declare queue '${name}': ${why}`);
  }

  #applyPolicies(): void {
    for (const exchange of this.exchanges.values()) this.#applyToExchange(exchange);
    // The loop needs a copy, because dead letters of one queue may cause the deletion of another queue.
    for (const queue of [...this.queues.values()]) {
      const policy = this.policies.appliedTo(queue.name, queue.settings.type);
      queue.apply(policy, queueSettings(queue.arguments, queue.what, policy.definition));
    }
    this.version++;
  }

  #applyToExchange(exchange: Exchange): void {
    // RabbitMQ: the default exchange has no alternate exchange.
    if (exchange.name !== '') exchange.apply(this.policies.appliedTo(exchange.name, 'exchange'));
  }

  /**
   * Deletes a queue. Returns the number of its ready messages. Calls `done`, possibly within this call, when its bindings
   * are removed too.
   */
  deleteQueue(queue: Queue, { ifUnused = false, ifEmpty = false, done = () => {} } = {}): number {
    assertDeletable(queue, { ifUnused, ifEmpty });
    // RabbitMQ reports that a stream was empty.
    const count = queue.settings.type === 'stream' ? 0 : queue.readyCount;
    this.removeQueue(queue, done);
    return count;
  }

  removeQueue(queue: Queue, done = () => {}): void {
    this.slices.run(this.#removals.queue(queue), done);
  }

  /** Adds a binding, if it does not exist. Throws 404 if the exchange or the destination does not exist. */
  bind(declaration: BindingDeclaration): void {
    const binding = this.addBinding(declaration);
    if (binding !== undefined) this.#definitions?.defineBinding(binding);
  }

  /** Adds a binding without writing it to the store. Returns `undefined` if the binding exists. */
  addBinding(declaration: BindingDeclaration): Binding | undefined {
    const binding = this.#binding(declaration);
    if (binding === undefined) {
      this.exchange(declaration.source);
      const what = `${declaration.isQueue ? 'queue' : 'exchange'} '${declaration.destination}' in vhost '${this.name}'`;
      throw new ProtocolError('NOT_FOUND', `no ${what}`);
    }
    if (!this.#bindings.add(binding)) return undefined;
    this.version++;
    return binding;
  }

  /** Removes a binding, if it exists. Throws 405 if its queue is exclusive to a connection other than `user`. */
  unbind(declaration: BindingDeclaration, user: object | undefined): void {
    const binding = this.#bindings.find(this.#binding(declaration));
    if (binding === undefined) return;
    if (declaration.isQueue) this.queue(declaration.destination, user);
    this.#bindings.remove(binding);
    this.version++;
    this.#definitions?.undefineBinding(binding);
    this.slices.run(this.#removals.ifUnused(binding.source));
  }

  /** Returns the queues that a message to the exchange is routed to, without duplicates. */
  route(exchange: Exchange, message: Message): readonly Queue[] {
    return route(this, exchange, message);
  }

  /** Puts a message into queues. A message that must survive a restart is appended to the store first. */
  deliver(message: Message, queues: readonly Queue[]): Routed {
    const [queue] = queues;
    if (queue === undefined) return routedNowhere;
    if (queues.length === 1) return this.#deliverToOne(message, queue);
    return this.#deadLetters.sendAfter(() => this.#deliver(message, queues));
  }

  #deliverToOne(message: Message, queue: Queue): Routed {
    if (!queue.accepts(message)) return refused;
    const expiresAt = queue.expiryOf(message);
    if (this.store === undefined || !queue.persists(message)) {
      queue.publish(message, undefined, expiresAt);
      return queue.hasOwnLog ? routedToStore : routedInMemory;
    }
    const id = this.store.enqueue(message, [{ queue: queue.key, expiresAt: dateAt(this.clock, expiresAt) }]);
    queue.publish(message, id, expiresAt);
    return routedToStore;
  }

  #deliver(message: Message, queues: readonly Queue[]): Routed {
    if (this.store !== undefined && queues.some((queue) => queue.persists(message))) {
      return this.#deliverStored(message, queues, this.store);
    }
    let isRefused = false;
    for (const queue of queues) {
      if (queue.accepts(message)) queue.publish(message);
      else isRefused = true;
    }
    if (isRefused) return refused;
    return queues.some(({ hasOwnLog }) => hasOwnLog) ? routedToStore : routedInMemory;
  }

  #deliverStored(message: Message, queues: readonly Queue[], store: Store): Routed {
    const accepting: { queue: Queue; expiresAt: number | undefined; persists: boolean }[] = [];
    const stored: EnqueueTarget[] = [];
    for (const queue of queues) {
      if (!queue.accepts(message)) continue;
      const [expiresAt, persists] = [queue.expiryOf(message), queue.persists(message)];
      accepting.push({ queue, expiresAt, persists });
      if (persists) stored.push({ queue: queue.key, expiresAt: dateAt(this.clock, expiresAt) });
    }
    const id = stored.length === 0 ? undefined : store.enqueue(message, stored);
    for (const { queue, expiresAt, persists } of accepting)
      queue.publish(message, persists ? id : undefined, expiresAt);
    return {
      hasQueue: true,
      isRefused: accepting.length < queues.length,
      isStored: stored.length > 0 || accepting.some(({ queue }) => queue.hasOwnLog),
    };
  }

  deadLetter(queue: Queue, message: Message, reason: DeathReason, receipt?: Receipt<Queue>): void {
    this.#deadLetters.send(queue, message, reason, receipt);
  }

  /** Removes all policies, queues and exchanges. The caller has already removed this virtual host from the broker's list. */
  *removeAll(): Work {
    for (const kind of policyKinds) {
      for (const { name } of this.policies.all(kind)) this.#definitions?.undefinePolicy(kind, name);
    }
    for (const queue of this.queues.values()) {
      yield* this.#removals.queue(queue);
      yield;
    }
    for (const exchange of this.exchanges.values()) {
      yield* this.#removals.exchange(exchange);
      yield;
    }
  }

  /** Returns true if all messages with this routing key have the same route until a binding changes. */
  hasFixedRoute(exchange: Exchange, message: Message): boolean {
    if (exchange.name === '') return true;
    const isQueue = (destination: Queue | Exchange) => destination instanceof Queue;
    return exchange.isPlain && exchange.match(message.routingKey, message, new Steps()).every(isQueue);
  }

  /** Returns the binding of a declaration, or `undefined` if the exchange or the destination does not exist. */
  #binding(declaration: BindingDeclaration): Binding | undefined {
    const source = this.exchanges.get(declaration.source);
    const destination = (declaration.isQueue ? this.queues : this.exchanges).get(declaration.destination);
    if (source === undefined || destination === undefined) return undefined;
    return { source, destination, routingKey: declaration.routingKey, arguments: declaration.arguments };
  }
}
