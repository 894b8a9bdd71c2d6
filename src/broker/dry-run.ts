// Routes a message through a topology with the code of the broker, and reports each step. No broker runs, and no queue gets
// the message.

import { Arguments } from './codec/arguments.ts';
import { publishedMessage } from './connection/published.ts';
import { churnCounters } from './counters.ts';
import { fieldTable } from './management/json.ts';
import { deadMessage, isCycle } from './queue/dead-letter.ts';
import { Memory } from './queue/memory.ts';
import type { Message } from './queue/message.ts';
import type { Policy, PolicyDefinition, PolicyKind } from './queue/policies.ts';
import { type QueueSettings, queueSettings } from './queue/settings.ts';
import { type Binding, type Exchange, type ExchangeType, exchangeTypes } from './routing/exchange.ts';
import { tracedRoute, type Visit } from './routing/route.ts';
import { Slices } from './slices.ts';
import type { DeathReason } from './store/contract.ts';
import { VirtualHost } from './vhost/vhost.ts';

interface DryExchange {
  readonly name: string;
  /** A type that this broker does not have is routed like `fanout`. */
  readonly type: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The definition of the policy that applies. If absent, the policies of the topology apply by their patterns. */
  readonly policy?: PolicyDefinition;
}

interface DryQueue {
  readonly name: string;
  /** With `x-queue-type`. */
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly policy?: PolicyDefinition;
}

interface DryBinding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A message that `DryRun.message` or `DryRun.deadLetter` returns. */
export type DryMessage = Message;

/** One exchange on the route of a message, and the bindings by which the message leaves it. */
export interface DryVisit {
  readonly exchange: string;
  readonly bindings: readonly DryBinding[];
  /** The name of the alternate exchange, if the message is passed on to it because no binding matches. */
  readonly alternate: string | undefined;
}

/** Types that choose one of their destinations. Which one, only the broker knows. */
const choosing: readonly ExchangeType[] = ['x-local-random', 'x-modulus-hash'];
const stopped = { now: () => 0, date: () => 0, after: () => ({ cancel: () => {} }) };
/** RabbitMQ refuses a message whose user-id is another user, except for an impersonator. */
const publisher = { connection: { user: { name: '', tags: ['impersonator'] } }, replyAddress: 'reply' };

export class DryRun {
  readonly #vhost = new VirtualHost('/', {
    clock: stopped,
    memory: new Memory(Infinity, () => {}),
    slices: new Slices(),
    store: undefined,
    log: () => {},
    churn: churnCounters(),
  });
  readonly #given = new Map<Binding, DryBinding>();

  /** Ignores a binding whose source or destination does not exist. Throws 406 for arguments that RabbitMQ refuses. */
  constructor({
    exchanges,
    queues,
    bindings,
    policies = [],
  }: {
    readonly exchanges: readonly DryExchange[];
    readonly queues: readonly DryQueue[];
    readonly bindings: readonly DryBinding[];
    readonly policies?: readonly (Policy & { readonly kind: PolicyKind })[];
  }) {
    for (const { kind, ...policy } of policies) this.#vhost.addPolicy(kind, policy);
    for (const exchange of exchanges) this.#addExchange(exchange);
    for (const queue of queues) this.#addQueue(queue);
    for (const binding of bindings) this.#addBinding(binding);
  }

  /** Returns the type by which an exchange is routed, or `undefined` if it does not exist. */
  type(exchange: string): ExchangeType | undefined {
    return this.#vhost.exchanges.get(exchange)?.type;
  }

  /** Returns the name of the alternate exchange that the arguments or the policy of an exchange set. */
  alternate(exchange: string): string | undefined {
    return this.#vhost.exchanges.get(exchange)?.alternate;
  }

  /** Returns a message. Throws 406 for properties that RabbitMQ refuses. `properties` are encoded, with their flags. */
  message(exchange: string, { key, properties }: { key: string; properties: Buffer }): DryMessage {
    const content = { bytes: properties, more: [], propertiesLength: properties.length };
    return publishedMessage(content, { exchange, routingKey: key, channel: publisher });
  }

  /**
   * Returns the exchanges that the message visits, the first one first. Returns none if the exchange does not exist.
   * @param start exchange at which the route begins
   */
  route(message: DryMessage, start = message.exchange): DryVisit[] {
    const exchange = this.#vhost.exchanges.get(start);
    const visits: DryVisit[] = [];
    if (exchange === undefined) return visits;
    tracedRoute(this.#vhost, exchange, message, (visit) => visits.push(this.#visit(visit)));
    return visits;
  }

  /** Returns the settings of a queue, which follow from its arguments and its policy. */
  settings(queue: string): QueueSettings | undefined {
    return this.#vhost.queues.get(queue)?.settings;
  }

  /** Returns the message that the queue publishes to its dead letter exchange, or `undefined` if the queue has none. */
  deadLetter(message: DryMessage, { queue, reason }: { queue: string; reason: DeathReason }): DryMessage | undefined {
    const settings = this.settings(queue);
    if (settings?.deadLetterExchange === undefined) return undefined;
    return deadMessage(message, { queue: { name: queue, settings }, reason, now: 0 });
  }

  /** Returns true if RabbitMQ drops the dead letter instead of putting it into the queue. */
  isDropped(letter: DryMessage, queue: string): boolean {
    return letter.deaths?.[0]?.reason !== 'rejected' && isCycle(letter, queue);
  }

  #addExchange({ name, type, arguments: all, policy }: DryExchange): void {
    const known = exchangeTypes.find((each) => each === type && !choosing.includes(each)) ?? 'fanout';
    const flags = { durable: true, autoDelete: false, internal: false };
    const table = Arguments.of(fieldTable(all));
    const exchange =
      name === '' ? undefined : this.#vhost.addExchange({ exchange: name, type: known, ...flags, arguments: table });
    if (policy !== undefined) exchange?.apply(applied(policy));
  }

  #addQueue({ name, arguments: all, policy }: DryQueue): void {
    const table = Arguments.of(fieldTable(all));
    const flags = { durable: true, autoDelete: false, exclusive: false };
    const queue = this.#vhost.addQueue({ queue: name, ...flags, arguments: table }, undefined);
    if (policy !== undefined) queue.apply(applied(policy), queueSettings(table, queue.what, policy));
  }

  #addBinding(binding: DryBinding): void {
    const { source, destination, destinationType, key, arguments: all } = binding;
    const isQueue = destinationType === 'queue';
    const { exchanges, queues } = this.#vhost;
    if (!exchanges.has(source) || !(isQueue ? queues : exchanges).has(destination)) return;
    const table = Arguments.of(fieldTable(all));
    const added = this.#vhost.addBinding({ source, destination, isQueue, routingKey: key, arguments: table });
    if (added !== undefined) this.#given.set(added, binding);
  }

  #visit({ exchange, bindings, alternate }: Visit): DryVisit {
    const all = bindings.map((one) => this.#given.get(one) ?? implicit(exchange, one));
    return { exchange: exchange.name, bindings: all, alternate };
  }
}

function applied(definition: PolicyDefinition) {
  return { policy: null, operatorPolicy: null, definition };
}

/** Returns the binding that the default exchange has for each queue. */
function implicit({ name }: Exchange, { destination, routingKey }: Binding): DryBinding {
  return { source: name, destination: destination.name, destinationType: 'queue', key: routingKey, arguments: {} };
}
