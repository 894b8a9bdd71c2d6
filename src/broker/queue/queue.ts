// The part that all types of queue have in common: the declaration, the consumers, and the operations that a channel and the
// management API use.

import type { Arguments } from '../codec/arguments.ts';
import { messageCounters } from '../counters.ts';
import type { Work } from '../slices.ts';
import { type Consumer, Consumers } from './consumers.ts';
import type { QueueEntry } from './entry.ts';
import type { Message } from './message.ts';
import type { AppliedPolicy } from './policies.ts';
import type { Returned } from './ready.ts';
import type { QueueOwner, QueueParts, QueueSettings } from './settings.ts';

/** A message that basic.get returns, and the number of messages that are left. */
export interface Got {
  readonly entry: QueueEntry;
  readonly redelivered: boolean;
  readonly left: number;
}

/** The totals of the messages in a queue, in the units of the management API. */
export interface QueueTotals {
  readonly bytes: number;
  readonly readyBytes: number;
  readonly persistent: number;
  readonly persistentBytes: number;
}

export abstract class Queue {
  readonly name: string;
  readonly vhost: string;
  /** The name of the queue in error texts. */
  readonly what: string;
  /** The name of the queue in the store. */
  readonly key: string;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  /** The connection that owns an exclusive queue. */
  readonly owner: QueueOwner | undefined;
  readonly arguments: Arguments;
  settings: QueueSettings;
  policy: AppliedPolicy;
  readonly consumers: Consumers;
  unackedCount = 0;
  isDeleted = false;
  readonly counters = messageCounters();

  constructor(parts: QueueParts) {
    this.name = parts.name;
    this.vhost = parts.vhost;
    this.what = `queue '${parts.name}' in vhost '${parts.vhost}'`;
    this.key = `${parts.vhost}\0${parts.name}`;
    this.isDurable = parts.isDurable;
    this.isAutoDelete = parts.isAutoDelete;
    this.owner = parts.owner;
    this.arguments = parts.arguments;
    this.settings = parts.settings;
    this.policy = parts.policy;
    this.consumers = new Consumers(parts.settings);
  }

  /** The number of messages that queue.declare reports. */
  abstract readonly readyCount: number;
  /** The number of consumers that queue.declare reports. */
  abstract readonly consumerCount: number;
  /** The number of messages that its consumers have yet to receive. */
  abstract readonly undelivered: number;
  /** Number of messages that are neither ready nor unacknowledged: dead letters without a target, and delayed retries. */
  abstract readonly heldBackCount: number;
  abstract readonly totals: QueueTotals;
  /** True if the queue itself writes its messages to disk. */
  abstract readonly hasOwnLog: boolean;

  /** Applies a policy. */
  abstract apply(policy: AppliedPolicy, settings: QueueSettings): void;
  /** Returns true if the message must survive a restart of the broker in this queue, and the store has to write it. */
  abstract persists(message: Message): boolean;
  /** Returns false if the queue is full and rejects publishes. */
  abstract accepts(message: Message): boolean;
  /** Returns the expiry time, by `Clock.now`, of a message that arrives now; `undefined` if it does not expire. */
  abstract expiryOf(message: Message): number | undefined;
  abstract publish(message: Message, storeId?: number, expiresAt?: number): void;
  /** Removes messages that exceed the limits. Recovery calls it when all queues have their messages. */
  abstract enforceLimits(): void;
  /** Delivers messages until there are no more messages, or no consumer accepts one. */
  abstract dispatch(): void;
  /** Returns true if the consumer accepts messages again, so that `dispatch` may have something to deliver. */
  abstract rejoin(consumer: Consumer): boolean;
  /** Called when a consumer accepts messages again. */
  abstract wake(consumer: Consumer): void;
  /** Returns the next message, or `undefined` if the queue is empty. With `noAck`, the message leaves the queue at once. */
  abstract get(noAck: boolean): Got | undefined;
  /** Returns the message as a client receives it. */
  abstract withDeliveryCount(entry: QueueEntry): Message;
  abstract ack(entry: QueueEntry): void;
  /** Settles a message after basic.reject or basic.nack without requeue. */
  abstract reject(entry: QueueEntry): void;
  /** Puts a few entries back into the queue. `isFailure` has the same meaning as for `returned`. */
  abstract requeue(entries: readonly QueueEntry[], isFailure: boolean): void;
  /** Counts the return of entries and prepares them for `putBack`. `isFailure` is true if the delivery counts as failed. */
  abstract returned(entries: readonly QueueEntry[], isFailure: boolean): Work<Returned>;
  abstract putBack(returned: Returned): void;
  /** Adds a consumer. Throws a ProtocolError if the queue refuses it. */
  abstract addConsumer(consumer: Consumer): void;
  abstract removeConsumer(consumer: Consumer): void;
  /** Restarts the period of x-expires. */
  abstract touch(): void;
  /** Removes the ready messages and returns their number. Calls `done`, possibly within this call, when all are settled. */
  abstract purge(done?: () => void): number;
  /** Removes the ready messages, or all messages of a stream, between two tests. */
  abstract reset(): void;
  /** Cancels the consumers and removes all messages. The virtual host removes the queue itself. */
  abstract delete(): void;
  /** Stops the timers, because the broker closes. */
  abstract stop(): void;
}
