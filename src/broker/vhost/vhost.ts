// A virtual host: the exchanges, queues and bindings of one name space, and the way of a message through them.

import { dateAt } from '../clock.ts';
import { Arguments } from '../codec/arguments.ts';
import { type ChurnCounters, messageCounters } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import { assertPossible } from '../queue/arguments.ts';
import type { QueueHost, Receipt } from '../queue/host.ts';
import type { Message } from '../queue/message.ts';
import { Policies, type Policy, type PolicyKind, policyKinds } from '../queue/policies.ts';
import { Queue } from '../queue/queue.ts';
import { queueSettings } from '../queue/settings.ts';
import { Bindings } from '../routing/bindings.ts';
import { type Binding, Exchange, type ExchangeType, exchangeTypes, predeclared } from '../routing/exchange.ts';
import { route } from '../routing/route.ts';
import { Steps } from '../routing/steps.ts';
import type { Work } from '../slices.ts';
import type { DeathReason, Store } from '../store/contract.ts';
import { DeadLetters } from './dead-letters.ts';
import {
  type BindingDeclaration,
  type ExchangeDeclaration,
  type QueueDeclaration,
  type VhostMetadata,
  withDefaultType,
} from './declarations.ts';
import { Definitions } from './definitions.ts';
import { assertFreeName, assertSameExchange, assertSameQueue, locked } from './equivalence.ts';
import { queueName } from './names.ts';
import { Removals } from './removals.ts';
import { type Routed, routedInMemory, routedNowhere } from './routed.ts';

/** What the virtual hosts of a broker share. */
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
  /** Goes up whenever a way of messages may have changed. */
  version = 0;
  readonly policies = new Policies();
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

  exchange(name: string): Exchange {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) throw new ProtocolError('NOT_FOUND', `no exchange '${name}' in vhost '${this.name}'`);
    return exchange;
  }

  /** The queue, for a connection that may use it: 404 or 405 otherwise. */
  queue(name: string, user: object | undefined): Queue {
    const queue = this.queues.get(name);
    if (queue === undefined) throw new ProtocolError('NOT_FOUND', `no queue '${name}' in vhost '${this.name}'`);
    if (queue.owner !== undefined && queue.owner !== user) throw locked(queue);
    return queue;
  }

  declareExchange(wanted: ExchangeDeclaration): Exchange {
    const type = exchangeTypes.find((known) => known === wanted.type);
    // RabbitMQ before 4.1 answered 503 here.
    if (type === undefined) {
      const what = wanted.type === '' ? 'invalid' : 'unknown';
      throw new ProtocolError('PRECONDITION_FAILED', `${what} exchange type '${wanted.type}'`);
    }
    const known = this.exchanges.get(wanted.exchange);
    if (known !== undefined) {
      assertSameExchange(known, wanted);
      return known;
    }
    assertFreeName('exchange', wanted.exchange);
    const alternate = wanted.arguments.get('alternate-exchange');
    if (alternate !== undefined && typeof alternate !== 'string') {
      const what = `exchange '${wanted.exchange}' in vhost '${this.name}'`;
      throw new ProtocolError(
        'PRECONDITION_FAILED',
        `invalid type '${wanted.arguments.typeName('alternate-exchange')}' for arg 'alternate-exchange' in ${what}`,
      );
    }
    const exchange = this.addExchange({ ...wanted, type });
    this.#definitions?.defineExchange(exchange);
    return exchange;
  }

  /** Adds an exchange as it is: `declareExchange` has looked at it, or the store kept it. */
  addExchange(wanted: ExchangeDeclaration & { type: ExchangeType }): Exchange {
    const { exchange: name, type, durable, autoDelete, internal, arguments: all } = wanted;
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

  /** A name is made for one without. `owner` is the connection, of an exclusive queue. */
  declareQueue(asked: QueueDeclaration, owner: object | undefined, generated = queueName()): Queue {
    const wanted = withDefaultType(asked, this.metadata.defaultQueueType);
    const name = wanted.queue === '' ? generated : wanted.queue;
    if (wanted.queue !== '') assertFreeName('queue', name);
    const known = this.queues.get(name);
    // RabbitMQ: an exclusive queue goes with its connection, and is not durable whatever was said. What is neither exclusive nor
    // durable RabbitMQ 4.3 refuses (541); 4.0 takes it, and so does this broker, for many clients still declare such queues.
    const isDurable = wanted.durable && !wanted.exclusive;
    this.#churn.queue_declared++;
    if (known !== undefined) {
      assertSameQueue(known, { ...wanted, durable: isDurable }, owner);
      known.touch();
      return known;
    }
    this.#assertRoomForQueue(name);
    const created = { ...wanted, queue: name, durable: isDurable };
    assertPossible(created, { what: `queue '${name}' in vhost '${this.name}'`, isServerNamed: wanted.queue === '' });
    const queue = this.addQueue(created, wanted.exclusive ? owner : undefined);
    this.#definitions?.defineQueue(queue);
    return queue;
  }

  /** Adds a queue that is not there yet, as it is: `declareQueue` has checked its arguments, or the store kept it. */
  addQueue(wanted: QueueDeclaration, owner: object | undefined): Queue {
    const { queue: name, durable, autoDelete, arguments: all } = wanted;
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
    const queue = new Queue(parts, this);
    this.queues.set(name, queue);
    this.version++;
    this.#churn.queue_created++;
    return queue;
  }

  setPolicy(kind: PolicyKind, policy: Policy): void {
    this.addPolicy(kind, policy);
    this.#definitions?.definePolicy(kind, policy);
  }

  /** Adds a policy as it is, which the store kept. */
  addPolicy(kind: PolicyKind, policy: Policy): void {
    this.policies.set(kind, policy);
    this.#applyPolicies();
  }

  removePolicy(kind: PolicyKind, name: string): void {
    this.policies.remove(kind, name);
    this.#definitions?.forgetPolicy(kind, name);
    this.#applyPolicies();
  }

  /** Description, tags, default queue type and limits. */
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
    // Dead letters of one queue may be taken by another: a queue may go meanwhile.
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

  /** Returns how many messages it had. Calls `done` when its bindings are removed too, which may be within this call. */
  deleteQueue(queue: Queue, { ifUnused = false, ifEmpty = false, done = () => {} } = {}): number {
    for (const [flag, name] of [
      [ifUnused, 'if-unused'],
      [ifEmpty, 'if-empty'],
    ] as const) {
      if (!flag || queue.settings.type !== 'quorum') continue;
      throw new ProtocolError(
        'NOT_IMPLEMENTED',
        `cannot delete ${queue.what}. queue.delete operations with ${name} flag set are not supported by quorum queues`,
      );
    }
    if (ifUnused && queue.consumers.count > 0) throw new ProtocolError('PRECONDITION_FAILED', `${queue.what} in use`);
    if (ifEmpty && queue.ready.length > 0) throw new ProtocolError('PRECONDITION_FAILED', `${queue.what} not empty`);
    const count = queue.ready.length;
    this.removeQueue(queue, done);
    return count;
  }

  removeQueue(queue: Queue, done = () => {}): void {
    this.slices.run(this.#removals.queue(queue), done);
  }

  bind(wanted: BindingDeclaration): void {
    const binding = this.addBinding(wanted);
    if (binding !== undefined) this.#definitions?.defineBinding(binding);
  }

  /** Adds a binding; undefined: it is there already. */
  addBinding(wanted: BindingDeclaration): Binding | undefined {
    const binding = this.#binding(wanted);
    if (binding === undefined) {
      this.exchange(wanted.source);
      const what = `${wanted.isQueue ? 'queue' : 'exchange'} '${wanted.destination}' in vhost '${this.name}'`;
      throw new ProtocolError('NOT_FOUND', `no ${what}`);
    }
    if (!this.#bindings.add(binding)) return undefined;
    this.version++;
    return binding;
  }

  /** RabbitMQ: to unbind what is not bound is no error, not even for a queue that `user` may not use. */
  unbind(wanted: BindingDeclaration, user: object | undefined): void {
    const found = this.#bindings.find(this.#binding(wanted));
    if (found === undefined) return;
    if (wanted.isQueue) this.queue(wanted.destination, user);
    this.#bindings.remove(found);
    this.version++;
    this.#definitions?.forgetBinding(found);
    this.slices.run(this.#removals.unused(found.source));
  }

  /** The queues that a message to the exchange goes to, each once. */
  route(exchange: Exchange, message: Message): readonly Queue[] {
    return route(this, exchange, message);
  }

  /** Puts a message in queues. With a store, what has to survive is written first. */
  deliver(message: Message, queues: readonly Queue[]): Routed {
    if (queues.length === 0) return routedNowhere;
    if (this.store !== undefined && queues.some((queue) => queue.persists(message))) {
      return this.#deliverStored(message, queues, this.store);
    }
    let isRefused = false;
    for (const queue of queues) {
      if (queue.accepts(message)) queue.publish(message);
      else isRefused = true;
    }
    return isRefused ? { ...routedInMemory, isRefused } : routedInMemory;
  }

  #deliverStored(message: Message, queues: readonly Queue[], store: Store): Routed {
    const accepting = queues
      .filter((queue) => queue.accepts(message))
      .map((queue) => ({ queue, expiresAt: queue.expiryOf(message), persists: queue.persists(message) }));
    const stored = accepting
      .filter(({ persists }) => persists)
      .map(({ queue, expiresAt }) => ({ queue: queue.key, expiresAt: dateAt(this.clock, expiresAt) }));
    const id = stored.length === 0 ? undefined : store.enqueue(message, stored);
    for (const { queue, expiresAt, persists } of accepting)
      queue.publish(message, persists ? id : undefined, expiresAt);
    return { hasQueue: true, isRefused: accepting.length < queues.length, isStored: stored.length > 0 };
  }

  deadLetter(queue: Queue, message: Message, reason: DeathReason, receipt?: Receipt<Queue>): void {
    this.#deadLetters.send(queue, message, reason, receipt);
  }

  /** The end of all that it holds. The broker has forgotten this virtual host before. */
  *removed(): Work {
    for (const kind of policyKinds) {
      for (const { name } of this.policies.all(kind)) this.#definitions?.forgetPolicy(kind, name);
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

  /** Whether all messages with this routing key take the same route, until a binding changes. */
  hasFixedRoute(exchange: Exchange, message: Message): boolean {
    if (exchange.name === '') return true;
    const isQueue = (destination: Queue | Exchange) => destination instanceof Queue;
    return exchange.isPlain && exchange.match(message.routingKey, message, new Steps()).every(isQueue);
  }

  /** undefined: one of the two ends is not there. */
  #binding(wanted: BindingDeclaration): Binding | undefined {
    const source = this.exchanges.get(wanted.source);
    const destination = (wanted.isQueue ? this.queues : this.exchanges).get(wanted.destination);
    if (source === undefined || destination === undefined) return undefined;
    return { source, destination, routingKey: wanted.routingKey, arguments: wanted.arguments };
  }
}
