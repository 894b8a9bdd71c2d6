// A classic queue or a quorum queue: holds messages, delivers them to consumers, and drops or dead-letters messages that
// exceed its limits. The virtual host routes the dead letters.

import { countDelivery } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import { atOnce, type Work } from '../slices.ts';
import type { ReturnCounts } from '../store/contract.ts';
import type { Consumer } from './consumers.ts';
import { DeadLetterSender } from './dead-letter-sender.ts';
import { DelayedRetries } from './delayed-retries.ts';
import type { QueueEntry } from './entry.ts';
import { ExpiryTimer } from './expiry-timer.ts';
import { HeldMessages } from './held-messages.ts';
import type { QueueHost } from './host.ts';
import { IdleExpiry } from './idle-expiry.ts';
import type { Message } from './message.ts';
import type { AppliedPolicy } from './policies.ts';
import { type Got, Queue, type QueueTotals } from './queue.ts';
import { ReadyMessages, type Returned } from './ready.ts';
import type { QueueParts, QueueSettings } from './settings.ts';

interface Recovered {
  readonly storeId: number;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
  readonly returns: ReturnCounts;
  readonly redelivered: boolean;
}

export class MessageQueue extends Queue {
  override readonly hasOwnLog = false;
  readonly ready: ReadyMessages;
  readonly held: HeldMessages;
  readonly #host: QueueHost<Queue>;
  readonly #deadLetters: DeadLetterSender<Queue>;
  readonly #delayed: DelayedRetries;
  #isDispatching = false;
  readonly #expiry: ExpiryTimer;
  #mayExpire: boolean;
  readonly #idleExpiry: IdleExpiry;

  constructor(parts: QueueParts, host: QueueHost<Queue>) {
    super(parts);
    this.ready = new ReadyMessages({ ...parts.settings, isReturnedFirst: parts.settings.type === 'quorum' });
    this.held = new HeldMessages(this.key, host);
    this.#host = host;
    this.#deadLetters = new DeadLetterSender<Queue>(this, this.held, host);
    this.#delayed = new DelayedRetries(host.clock, (entries) => {
      this.ready.putBack(atOnce(this.ready.returned(entries)));
      this.enforceLimits();
      this.dispatch();
    });
    this.#expiry = new ExpiryTimer(host.clock, () => this.expire());
    this.#mayExpire = parts.settings.messageTtlMs !== undefined;
    this.#idleExpiry = new IdleExpiry({
      clock: host.clock,
      isInUse: () => this.consumers.count > 0,
      onExpired: () => host.removeQueue(this),
    });
    this.#idleExpiry.watch(parts.settings.expiresMs);
  }

  override get readyCount(): number {
    return this.ready.length;
  }

  override get consumerCount(): number {
    return this.consumers.count;
  }

  override get undelivered(): number {
    return this.ready.length;
  }

  override get heldBackCount(): number {
    return this.#deadLetters.pendingCount + this.#delayed.count;
  }

  override get totals(): QueueTotals {
    const { bytes, persistent, persistentBytes } = this.held;
    return { bytes, readyBytes: this.ready.bytes, persistent, persistentBytes };
  }

  /** Applies a policy. RabbitMQ: messages in the queue keep the time at which they expire. */
  override apply(policy: AppliedPolicy, settings: QueueSettings): void {
    this.policy = policy;
    this.settings = settings;
    if (settings.messageTtlMs !== undefined) this.#mayExpire = true;
    this.#idleExpiry.watch(settings.expiresMs);
    this.#dropOverflow();
  }

  /** Returns true if the message must survive a restart of the broker in this queue. */
  override persists(message: Message): boolean {
    return this.isDurable && this.owner === undefined && (message.persistent || this.settings.type === 'quorum');
  }

  /** Returns false if the queue is full and rejects publishes. With reject-publish-dlx, it then dead-letters the message. */
  override accepts(message: Message): boolean {
    if (this.settings.overflow === 'drop-head') return true;
    const { length, bytes } = this.ready;
    const { pendingCount, pendingBytes } = this.#deadLetters;
    // RabbitMQ: a quorum queue rejects a message only after the limit is exceeded. Dead letters that wait for their target
    // count (rabbit_fifo, is_over_limit).
    const isFull =
      this.settings.type === 'quorum'
        ? this.#isOver(length + pendingCount, bytes + pendingBytes)
        : this.#isOver(length + 1, bytes + message.bodyLength);
    if (!isFull) return true;
    // RabbitMQ: with reject-publish-dlx, the message is dead-lettered and the publisher still gets a nack. The receipt
    // prevents an exception if the message cannot be routed.
    const receipt = { acceptedBy: new Set<Queue>(), done: () => {} };
    if (this.settings.overflow === 'reject-publish-dlx') this.#host.deadLetter(this, message, 'maxlen', receipt);
    return false;
  }

  /**
   * Returns the expiry time, by `Clock.now`, of a message that arrives now; `undefined` if it does not expire. `leftMs` is
   * an upper limit for the remaining time.
   */
  override expiryOf({ expirationMs = Infinity }: Message, leftMs = Infinity): number | undefined {
    const lifeMs = Math.min(this.settings.messageTtlMs ?? Infinity, expirationMs, leftMs);
    return lifeMs === Infinity ? undefined : this.#host.clock.now() + lifeMs;
  }

  override publish(message: Message, storeId?: number, expiresAt = this.expiryOf(message)): void {
    this.counters.publish++;
    if (this.ready.length === 0 && !this.#isDispatching) {
      const consumer = this.consumers.next();
      if (consumer !== undefined) {
        const entry = consumer.noAck ? undefined : this.#hold(message, expiresAt, storeId);
        if (entry === undefined && storeId !== undefined) this.#host.store?.settle(storeId, this.key);
        this.#deliver(consumer, message, entry, false);
        return;
      }
    }
    this.ready.push(this.#hold(message, expiresAt, storeId));
    this.#dropOverflow();
    if (this.#isDispatching) return;
    if (this.consumers.count > 0) this.dispatch();
    if (this.#mayExpire) this.expire();
  }

  /** Adds a message that was read from the store. */
  recover(message: Message, { storeId, expiresAt, returns, redelivered }: Recovered): void {
    const leftMs = expiresAt === undefined ? undefined : expiresAt - this.#host.clock.date();
    const entry = this.#hold(message, leftMs === undefined ? undefined : this.expiryOf(message, leftMs), storeId);
    entry.redelivered = redelivered;
    entry.acquiredCount = returns.acquiredCount;
    entry.deliveryCount = returns.deliveryCount;
    if (returns.acquiredCount > 0) this.ready.putBack(atOnce(this.ready.returned([entry])));
    else this.ready.push(entry);
  }

  /** Drops expired messages and messages over the length limit. Recovery calls it when all queues have their messages. */
  override enforceLimits(): void {
    this.#dropOverflow();
    if (this.#mayExpire) this.expire();
  }

  /** Delivers ready messages until there are no more messages, or no consumer accepts one. */
  override dispatch(): void {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    try {
      while (this.ready.length > 0) {
        if (this.#mayExpire) this.#dropExpired();
        if (this.ready.length === 0) break;
        const consumer = this.consumers.next();
        if (consumer === undefined) break;
        const entry = this.ready.shift();
        if (entry === undefined) break;
        const { redelivered } = entry;
        if (consumer.noAck) this.held.settle(entry);
        this.#deliver(consumer, this.withDeliveryCount(entry), consumer.noAck ? undefined : entry, redelivered);
      }
    } finally {
      this.#isDispatching = false;
    }
    if (this.#mayExpire) this.#expiry.arm(this.ready.nextExpiry());
  }

  override rejoin(consumer: Consumer): boolean {
    return this.consumers.wake(consumer);
  }

  override wake(consumer: Consumer): void {
    if (this.consumers.wake(consumer) && this.ready.length > 0) this.dispatch();
  }

  /**
   * Returns the next message and the number of messages that are left, or `undefined` if the queue is empty (basic.get).
   * With `noAck`, the message leaves the queue at once. Throws 405 on a quorum queue with a single active consumer.
   */
  override get(noAck: boolean): Got | undefined {
    this.#idleExpiry.touch();
    if (this.#mayExpire) this.expire();
    if (this.settings.type === 'quorum' && this.settings.isSingleActive) {
      throw new ProtocolError(
        'RESOURCE_LOCKED',
        `cannot obtain access to locked ${this.what}. basic.get operations are not supported by <<"quorum">> queues with single active consumer`,
      );
    }
    const entry = this.ready.shift();
    const { counters } = this.#host;
    if (entry === undefined) {
      this.counters.get_empty++;
      counters.get_empty++;
      return undefined;
    }
    const { redelivered } = entry;
    const kind = noAck ? 'get_no_ack' : 'get';
    countDelivery(this.counters, kind, redelivered);
    countDelivery(counters, kind, redelivered);
    if (noAck) this.held.settle(entry);
    else this.unackedCount++;
    const left = this.ready.length;
    // The new head of the queue may have expired. RabbitMQ: `left` of a quorum queue still includes expired messages.
    if (this.#mayExpire) this.expire();
    return { entry, redelivered, left: this.settings.type === 'quorum' ? left : this.ready.length };
  }

  /** Returns the message as a client receives it. On a quorum queue, the headers of a returned message contain its counts. */
  override withDeliveryCount(entry: QueueEntry): Message {
    return this.settings.type === 'quorum' && entry.acquiredCount > 0 ? entry.withDeliveryCount() : entry.message;
  }

  override ack(entry: QueueEntry): void {
    if (this.isDeleted) {
      this.#host.memory.release(entry.message);
      return;
    }
    this.unackedCount--;
    this.counters.ack++;
    this.#host.counters.ack++;
    this.held.settle(entry);
  }

  /** Removes and dead-letters a message after basic.reject or basic.nack without requeue. */
  override reject(entry: QueueEntry): void {
    if (this.isDeleted) {
      this.#host.memory.release(entry.message);
      return;
    }
    this.unackedCount--;
    this.#deadLetters.send(entry, 'rejected');
  }

  /** Puts a few entries back into the queue. `isFailure` has the same meaning as for `returned`. */
  override requeue(entries: readonly QueueEntry[], isFailure: boolean): void {
    this.putBack(atOnce(this.returned(entries, isFailure)));
  }

  /**
   * Counts the return of entries and prepares them for `putBack`. A quorum queue dead-letters a message with more failures
   * than its delivery limit. RabbitMQ 4.3: basic.reject and a lost channel are failures, basic.nack and basic.recover are not.
   */
  override *returned(entries: readonly QueueEntry[], isFailure: boolean): Work<Returned> {
    const remaining: QueueEntry[] = [];
    for (const entry of entries) {
      if (this.isDeleted) this.#host.memory.release(entry.message);
      else if (this.#countReturn(entry, isFailure)) remaining.push(entry);
      yield;
    }
    return yield* this.ready.returned(remaining);
  }

  /** Puts all entries back at once, so that no consumer receives a later message before an earlier one. */
  override putBack(returned: Returned): void {
    if (this.isDeleted) {
      this.#host.slices.each(returned, (entry) => this.#host.memory.release(entry.message));
      return;
    }
    this.unackedCount -= returned.length;
    this.ready.putBack(returned);
    this.enforceLimits();
  }

  /** Returns false if the entry exceeded the delivery limit, so that it was dead-lettered, or if it is not ready yet. */
  #countReturn(entry: QueueEntry, isFailure: boolean): boolean {
    entry.redelivered = true;
    entry.acquiredCount++;
    if (isFailure) entry.deliveryCount++;
    const { deliveryLimit = Infinity } = this.settings;
    if (isFailure && entry.deliveryCount > deliveryLimit) {
      this.unackedCount--;
      this.#deadLetters.send(entry, 'delivery_limit');
      return false;
    }
    if (entry.storeId !== undefined) this.#host.store?.returned(entry.storeId, this.key, entry);
    if (!this.#delayed.hold(entry, this.settings.delayedRetry, isFailure)) return true;
    this.unackedCount--;
    return false;
  }

  /** Adds a consumer. Throws 403 if another consumer has exclusive use, or if this one requests it and cannot have it. */
  override addConsumer(consumer: Consumer): void {
    if (this.consumers.isInExclusiveUse(consumer)) {
      throw new ProtocolError('ACCESS_REFUSED', `${this.what} in exclusive use`);
    }
    this.consumers.add(consumer);
    this.#idleExpiry.touch();
  }

  /** Removes a consumer. An auto-delete queue is deleted with its last consumer. */
  override removeConsumer(consumer: Consumer): void {
    if (!this.consumers.all.has(consumer)) return;
    this.consumers.remove(consumer);
    this.#idleExpiry.touch();
    if (this.consumers.count === 0 && this.isAutoDelete) this.#host.removeQueue(this);
    else this.dispatch();
  }

  /** Restarts the period of x-expires. */
  override touch(): void {
    this.#idleExpiry.touch();
  }

  /**
   * Removes the ready messages and returns their number. Unacknowledged messages stay. Calls `done`, possibly within this
   * call, when all are settled.
   */
  override purge(done?: () => void): number {
    const delayed = this.#delayed.takeAll();
    const count = this.ready.length + delayed.length;
    for (const entry of delayed) this.held.settle(entry);
    this.#host.slices.each(this.ready.takeAll(), (entry) => this.held.settle(entry), done);
    return count;
  }

  override reset(): void {
    this.purge();
  }

  /** Cancels the consumers and removes all messages. The virtual host removes the queue itself. */
  override delete(): void {
    this.isDeleted = true;
    this.#expiry.stop();
    this.#idleExpiry.stop();
    this.#delayed.stop();
    for (const entries of [this.ready.takeAll(), this.#deadLetters.clear(), this.#delayed.takeAll()]) {
      this.#host.slices.each(entries, (entry) => this.#host.memory.release(entry.message));
    }
    if (this.isDurable) this.#host.store?.drop(this.key);
    this.owner?.forgetQueue(this);
    for (const consumer of [...this.consumers.all]) consumer.cancelled();
  }

  /** Stops the timers, because the broker closes. */
  override stop(): void {
    this.#expiry.stop();
    this.#idleExpiry.stop();
    this.#delayed.stop();
    this.#deadLetters.clear();
  }

  /** Removes expired messages at the head of the queue. RabbitMQ: messages expire only there. */
  expire(): void {
    if (this.#isDispatching) return;
    this.#dropExpired();
    this.#expiry.arm(this.ready.nextExpiry());
  }

  #hold(message: Message, expiresAt: number | undefined, storeId: number | undefined): QueueEntry {
    if (expiresAt !== undefined) this.#mayExpire = true;
    return this.held.hold(message, expiresAt, storeId);
  }

  #deliver(consumer: Consumer, message: Message, entry: QueueEntry | undefined, redelivered: boolean): void {
    const kind = consumer.noAck ? 'deliver_no_ack' : 'deliver';
    countDelivery(this.counters, kind, redelivered);
    countDelivery(this.#host.counters, kind, redelivered);
    if (entry !== undefined) this.unackedCount++;
    consumer.deliver(message, redelivered, entry);
  }

  #dropOverflow(): void {
    if (this.settings.maxLength === undefined && this.settings.maxLengthBytes === undefined) return;
    if (this.settings.overflow !== 'drop-head') return;
    // Messages that consumers accept now do not count towards the limit.
    if (this.consumers.count > 0) this.dispatch();
    while (this.#isOver(this.ready.length, this.ready.bytes)) {
      // RabbitMQ: the head is the message that would be delivered next, which has the highest priority.
      const entry = this.ready.shift();
      if (entry === undefined) return;
      this.#deadLetters.send(entry, 'maxlen');
    }
  }

  #isOver(length: number, bytes: number): boolean {
    const { maxLength, maxLengthBytes } = this.settings;
    return (maxLength !== undefined && length > maxLength) || (maxLengthBytes !== undefined && bytes > maxLengthBytes);
  }

  #dropExpired(): void {
    this.ready.takeExpired(this.#host.clock.now(), (entry) => this.#deadLetters.send(entry, 'expired'));
  }
}
