// One queue: what it holds, who gets it next, and what becomes of what it cannot keep. Where a message goes from here is
// the virtual host's matter.

import type { Arguments } from '../codec/arguments.ts';
import { countDelivery, messageCounters } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import { atOnce, type Work } from '../slices.ts';
import type { DeathReason, ReturnCounts } from '../store/contract.ts';
import { type Consumer, Consumers } from './consumers.ts';
import { Entry } from './entry.ts';
import { ExpiryTimer } from './expiry-timer.ts';
import { HeldMessages } from './held-messages.ts';
import type { QueueHost } from './host.ts';
import { QueueUse } from './idle-expiry.ts';
import type { Message } from './message.ts';
import type { AppliedPolicy } from './policies.ts';
import { ReadyMessages, type Returned } from './ready.ts';
import type { QueueParts, QueueSettings } from './settings.ts';
import { UntakenLetters } from './untaken.ts';

interface Recovered {
  readonly storeId: number;
  readonly expiresAt: number | undefined;
  readonly returns: ReturnCounts;
  readonly redelivered: boolean;
}

export class Queue {
  readonly name: string;
  readonly vhost: string;
  /** As error texts name it. */
  readonly what: string;
  /** As the store names it. */
  readonly key: string;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  readonly owner: object | undefined;
  readonly arguments: Arguments;
  settings: QueueSettings;
  policy: AppliedPolicy;
  readonly consumers: Consumers;
  readonly ready: ReadyMessages;
  unackedCount = 0;
  isDeleted = false;
  readonly counters = messageCounters();
  /** Of all messages here, ready or not. */
  readonly held = new HeldMessages();

  readonly #host: QueueHost<Queue>;
  readonly #untaken: UntakenLetters<Queue>;
  #nextPosition = 0;
  #isDispatching = false;
  readonly #expiry: ExpiryTimer;
  #mayExpire: boolean;
  readonly #use: QueueUse;

  constructor(parts: QueueParts, host: QueueHost<Queue>) {
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
    this.ready = new ReadyMessages({ ...parts.settings, isReturnedFirst: parts.settings.type === 'quorum' });
    this.#host = host;
    this.#untaken = new UntakenLetters(this, host, (entry) => this.#settle(entry));
    this.#expiry = new ExpiryTimer(host.clock, () => this.expire());
    this.#mayExpire = parts.settings.messageTtlMs !== undefined;
    this.#use = new QueueUse({
      clock: host.clock,
      isInUse: () => this.consumers.count > 0,
      onExpired: () => host.removeQueue(this),
    });
    this.#use.watch(parts.settings.expiresMs);
  }

  /** Applies another policy, or none. RabbitMQ: messages that are here keep the time at which they expire. */
  apply(policy: AppliedPolicy, settings: QueueSettings): void {
    this.policy = policy;
    this.settings = settings;
    if (settings.messageTtlMs !== undefined) this.#mayExpire = true;
    this.#use.watch(settings.expiresMs);
    this.#dropOverflow();
  }

  /** Whether a message that comes with this persistence has to survive here. */
  persists(message: Message): boolean {
    return this.isDurable && this.owner === undefined && (message.persistent || this.settings.type === 'quorum');
  }

  /** False: it would be one too many, and the queue refuses publishers. */
  accepts(message: Message): boolean {
    if (this.settings.overflow === 'drop-head') return true;
    // RabbitMQ: a quorum queue finds out when it is too full already.
    const isFull =
      this.settings.type === 'quorum'
        ? this.#isOver(this.ready.length, this.ready.bytes)
        : this.#isOver(this.ready.length + 1, this.ready.bytes + message.bodyLength);
    if (!isFull) return true;
    // RabbitMQ: reject-publish-dlx lets the refused message go on to the dead letter exchange. It is refused also if it cannot.
    const receipt = { takenBy: new Set<Queue>(), done: () => {} };
    if (this.settings.overflow === 'reject-publish-dlx') this.#host.deadLetter(this, message, 'maxlen', receipt);
    return false;
  }

  /** When a message that arrives now will expire here; it has no more than `leftMs` to live. */
  expiryOf({ expirationMs = Infinity }: Message, leftMs = Infinity): number | undefined {
    const lifeMs = Math.min(this.settings.messageTtlMs ?? Infinity, expirationMs, leftMs);
    return lifeMs === Infinity ? undefined : this.#host.clock.now() + lifeMs;
  }

  publish(message: Message, storeId?: number, expiresAt = this.expiryOf(message)): void {
    this.counters.publish++;
    if (this.ready.length === 0 && !this.#isDispatching) {
      const consumer = this.consumers.next();
      if (consumer !== undefined) {
        const entry = consumer.noAck ? undefined : this.#newEntry(message, expiresAt, storeId);
        if (entry === undefined && storeId !== undefined) this.#host.store?.settle(storeId, this.key);
        this.#handOver(consumer, message, entry, false);
        return;
      }
    }
    this.ready.push(this.#newEntry(message, expiresAt, storeId));
    this.#dropOverflow();
    if (this.#isDispatching) return;
    if (this.consumers.count > 0) this.dispatch();
    if (this.#mayExpire) this.expire();
  }

  /** Puts back a message of the store. `expiresAt` is a date. */
  recover(message: Message, { storeId, expiresAt, returns, redelivered }: Recovered): void {
    const leftMs = expiresAt === undefined ? undefined : expiresAt - this.#host.clock.date();
    const expires = leftMs === undefined ? undefined : this.expiryOf(message, leftMs);
    const entry = this.#newEntry(message, expires, storeId);
    entry.redelivered = redelivered;
    entry.acquiredCount = returns.acquiredCount;
    entry.deliveryCount = returns.deliveryCount;
    if (returns.acquiredCount > 0) this.ready.putBack(atOnce(this.ready.returned([entry])));
    else this.ready.push(entry);
  }

  /** Drops what is too much or too old. After a recovery every queue has to have its messages first: it may get more. */
  enforceLimits(): void {
    this.#dropOverflow();
    if (this.#mayExpire) this.expire();
  }

  /** Gives ready messages to ready consumers, as far as there are both. */
  dispatch(): void {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    try {
      while (this.ready.length > 0) {
        if (this.#mayExpire) this.#dropExpired();
        if (this.ready.length === 0) break;
        const consumer = this.consumers.next();
        if (consumer === undefined) break;
        const entry = this.ready.shift() as Entry;
        const { redelivered } = entry;
        if (consumer.noAck) this.#settle(entry);
        this.#handOver(consumer, this.told(entry), consumer.noAck ? undefined : entry, redelivered);
      }
    } finally {
      this.#isDispatching = false;
    }
    if (this.#mayExpire) this.#expiry.arm(this.ready.nextExpiry());
  }

  /** A consumer that was not ready is so again. */
  wake(consumer: Consumer): void {
    if (this.consumers.wake(consumer) && this.ready.length > 0) this.dispatch();
  }

  /** basic.get: the next message and how many are left, or undefined. In no-ack mode it has left the queue. */
  get(noAck: boolean): { entry: Entry; redelivered: boolean; left: number } | undefined {
    this.#use.touch();
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
    if (noAck) this.#settle(entry);
    else this.unackedCount++;
    const left = this.ready.length;
    // The next one is at the head now, where messages expire. RabbitMQ: a quorum queue counts before that.
    if (this.#mayExpire) this.expire();
    return { entry, redelivered, left: this.settings.type === 'quorum' ? left : this.ready.length };
  }

  /** The message as consumers get it: a quorum queue says how often it has come back. */
  told(entry: Entry): Message {
    return this.settings.type === 'quorum' && entry.acquiredCount > 0 ? entry.counted() : entry.message;
  }

  ack(entry: Entry): void {
    if (this.isDeleted) {
      this.#host.memory.release(entry.message);
      return;
    }
    this.unackedCount--;
    this.counters.ack++;
    this.#host.counters.ack++;
    this.#settle(entry);
  }

  /** basic.reject and basic.nack without requeue. */
  reject(entry: Entry): void {
    if (this.isDeleted) {
      this.#host.memory.release(entry.message);
      return;
    }
    this.unackedCount--;
    this.#die(entry, 'rejected');
  }

  /** Back to where it was, with few entries. `isFailure` as for `returned`. */
  requeue(entries: readonly Entry[], isFailure: boolean): void {
    this.putBack(atOnce(this.returned(entries, isFailure)));
  }

  /**
   * Counts that entries come back; they do so by `putBack`. A quorum queue gives up when there were more failures than its
   * limit. RabbitMQ 4.3: basic.reject and a lost channel are failures, basic.nack and basic.recover are not.
   */
  *returned(entries: readonly Entry[], isFailure: boolean): Work<Returned> {
    const back: Entry[] = [];
    for (const entry of entries) {
      if (this.isDeleted) this.#host.memory.release(entry.message);
      else if (this.#comesBack(entry, isFailure)) back.push(entry);
      yield;
    }
    return yield* this.ready.returned(back);
  }

  /** All at once: nobody gets one that comes after another one that is still on its way. */
  putBack(returned: Returned): void {
    if (this.isDeleted) {
      this.#host.slices.each(returned, (entry) => this.#host.memory.release(entry.message));
      return;
    }
    this.unackedCount -= returned.length;
    this.ready.putBack(returned);
    this.enforceLimits();
  }

  /** Counts the return. False: it was one too many, and the message is dead. */
  #comesBack(entry: Entry, isFailure: boolean): boolean {
    entry.redelivered = true;
    entry.acquiredCount++;
    if (isFailure) entry.deliveryCount++;
    const { deliveryLimit = Infinity } = this.settings;
    if (isFailure && entry.deliveryCount > deliveryLimit) {
      this.unackedCount--;
      this.#die(entry, 'delivery_limit');
      return false;
    }
    if (entry.storeId !== undefined) this.#host.store?.returned(entry.storeId, this.key, entry);
    return true;
  }

  addConsumer(consumer: Consumer): void {
    if (this.consumers.isInExclusiveUse(consumer)) {
      throw new ProtocolError('ACCESS_REFUSED', `${this.what} in exclusive use`);
    }
    this.consumers.add(consumer);
    this.#use.touch();
  }

  /** The queue goes as well where it was declared auto-delete and this was its last consumer. */
  removeConsumer(consumer: Consumer): void {
    if (!this.consumers.all.has(consumer)) return;
    this.consumers.remove(consumer);
    this.#use.touch();
    if (this.consumers.count === 0 && this.isAutoDelete) this.#host.removeQueue(this);
    else this.dispatch();
  }

  /** A declaration is a use, too (x-expires). */
  touch(): void {
    this.#use.touch();
  }

  /**
   * Removes the messages that are ready, and returns their number. Unacknowledged messages stay.
   * Calls `done` when all are settled, which may be within this call.
   */
  purge(done?: () => void): number {
    const count = this.ready.length;
    this.#host.slices.each(this.ready.takeAll(), (entry) => this.#settle(entry), done);
    return count;
  }

  /** Nothing of it is left afterwards: its consumers are told, its messages are gone. The virtual host forgets it. */
  delete(): void {
    this.isDeleted = true;
    this.#expiry.stop();
    this.#use.stop();
    for (const entries of [this.ready.takeAll(), this.#untaken.clear()]) {
      this.#host.slices.each(entries, (entry) => this.#host.memory.release(entry.message));
    }
    if (this.isDurable) this.#host.store?.drop(this.key);
    for (const consumer of [...this.consumers.all]) consumer.cancelled();
  }

  /** Stops its timers; the broker closes. */
  stop(): void {
    this.#expiry.stop();
    this.#use.stop();
    this.#untaken.clear();
  }

  /** Messages expire at the head of the queue only, as RabbitMQ's do. */
  expire(): void {
    if (this.#isDispatching) return;
    this.#dropExpired();
    this.#expiry.arm(this.ready.nextExpiry());
  }

  #newEntry(message: Message, expiresAt: number | undefined, storeId: number | undefined): Entry {
    this.#host.memory.hold(message);
    this.held.add(message, 1);
    if (expiresAt !== undefined) this.#mayExpire = true;
    return new Entry(message, this.#nextPosition++, expiresAt, storeId);
  }

  #handOver(consumer: Consumer, message: Message, entry: Entry | undefined, redelivered: boolean): void {
    const kind = consumer.noAck ? 'deliver_no_ack' : 'deliver';
    countDelivery(this.counters, kind, redelivered);
    countDelivery(this.#host.counters, kind, redelivered);
    if (entry !== undefined) this.unackedCount++;
    consumer.deliver(message, redelivered, entry);
  }

  /** It has left the queue for good. */
  #settle(entry: Entry): void {
    this.#host.memory.release(entry.message);
    this.held.add(entry.message, -1);
    if (entry.storeId !== undefined) this.#host.store?.settle(entry.storeId, this.key);
  }

  /**
   * Puts the message in its new queues first and removes it from this one then: a crash in between leaves two, not none.
   * A message that cannot be dead-lettered ends neither the broker nor the queue: it is set aside, and a store keeps it.
   */
  #die(entry: Entry, reason: DeathReason): void {
    try {
      if (this.settings.isDeadLetteredAtLeastOnce) {
        this.#untaken.add(entry, reason);
        return;
      }
      if (this.settings.deadLetterExchange !== undefined) this.#host.deadLetter(this, entry.message, reason);
    } catch (error) {
      this.#host.log(`a message of ${this.what} cannot be dead-lettered and is set aside: ${(error as Error).stack}`);
      this.#host.memory.release(entry.message);
      this.held.add(entry.message, -1);
      return;
    }
    this.#settle(entry);
  }

  #dropOverflow(): void {
    if (this.settings.maxLength === undefined && this.settings.maxLengthBytes === undefined) return;
    if (this.settings.overflow !== 'drop-head') return;
    // A consumer that is ready takes what would be too much.
    if (this.consumers.count > 0) this.dispatch();
    while (this.#isOver(this.ready.length, this.ready.bytes)) {
      // RabbitMQ: the head is what would be delivered next, the highest priority among them.
      const entry = this.ready.shift();
      if (entry === undefined) return;
      this.#die(entry, 'maxlen');
    }
  }

  #isOver(length: number, bytes: number): boolean {
    const { maxLength, maxLengthBytes } = this.settings;
    return (maxLength !== undefined && length > maxLength) || (maxLengthBytes !== undefined && bytes > maxLengthBytes);
  }

  #dropExpired(): void {
    this.ready.takeExpired(this.#host.clock.now(), (entry) => this.#die(entry, 'expired'));
  }
}
