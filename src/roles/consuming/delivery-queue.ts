// Keeps delivered messages that are not in a handler yet, and decides their order. A message that was delivered before
// without an outcome is a suspect, because it may have crashed its worker. A suspect is handled alone, so that a crash
// counts only for the message that caused it.

import type { Placed } from '../../arrival-order.ts';
import type { Message } from '../../handlers/handler.ts';
import type { Delivery } from '../../session/consumer.ts';
import { type Timer, time } from '../../time.ts';
import { isMarkedRedelivered, unfinishedAttemptsOf } from '../message.ts';
import { AcknowledgedIds } from './acknowledged-ids.ts';
import { identityOf } from './identity.ts';
import { Suspects } from './suspects.ts';

export interface PendingDelivery extends Placed {
  /** Delivery to answer. */
  delivery: Delivery;
  readonly message: Message;
  readonly isSuspect: boolean;
  /**
   * `true` if an earlier attempt may have ended without an outcome and the broker does not count it. mq counts it by
   * sending the message through a wait queue.
   */
  readonly isUncounted: boolean;
  /** `true` if the message was uncounted before. The first time does not use up an attempt. */
  readonly isMarked: boolean;
  /** `true` if the broker will soon drop the message because of its returns. It must be published again. */
  readonly isNearlyDropped: boolean;
  /** Number of consecutive attempts without an outcome. */
  readonly unfinishedAttempts: number;
  /** Resolves when it is settled. `undefined` if its handler returned at once, or has not been called. */
  work: Promise<unknown> | undefined;
}

interface DeliveryQueueParts {
  /** `true` if attempts are counted. They are not counted for handlers that cannot fail. */
  readonly counts: boolean;
  readonly isNearlyDropped: (message: Message) => boolean;
  /** `true` if the returns that the broker counts are failed attempts (native-retry.ts). Default `false`. */
  readonly isNative?: boolean;
  /** Maximum number of messages that the broker delivers at once. 0 means no limit. */
  readonly prefetch: number;
  /** Called when a message that had to wait can be handled. */
  readonly onReady: () => void;
}

/** Milliseconds without a delivery after which mq assumes that all suspects have arrived. */
const quietMs = 500;
/**
 * Maximum number of remembered unanswered messages. They show whether a redelivery follows a lost connection or a crash
 * of another worker.
 */
const mostOpen = 10_000;

export class DeliveryQueue {
  readonly #parts: DeliveryQueueParts;
  #fresh: PendingDelivery[] = [];
  readonly #suspects = new Suspects<PendingDelivery>();
  #alone: PendingDelivery | undefined;
  #quiet: Timer | undefined;
  /** By `keyOf`: number of times that this process received the message without a final answer. */
  readonly #open = new Map<string, number>();
  readonly #acknowledged = new AcknowledgedIds();

  constructor(parts: DeliveryQueueParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#fresh.length + this.#suspects.size;
  }

  /** `true` if there is a suspect, which must be handled alone. */
  get needsAll(): boolean {
    return this.#alone !== undefined || this.#suspects.size > 0;
  }

  /** Determines whether an arrived message is a suspect, and which of its attempts count. */
  classify(delivery: Delivery, message: Message): PendingDelivery {
    if (this.#parts.counts) return this.#classified(delivery, message);
    const isNearlyDropped = this.#parts.isNearlyDropped(message);
    const counted = { isSuspect: false, isUncounted: false, isMarked: false, isNearlyDropped, unfinishedAttempts: 0 };
    return { place: -1, delivery, message, ...counted, work: undefined };
  }

  /** Counts a copy that needs no handler, because it receives the answer of a running one. */
  count(copy: Message): void {
    if (this.#parts.counts) this.#remember(keyOf(copy));
  }

  add(pending: PendingDelivery): void {
    if (pending.isSuspect) this.#suspects.add(pending);
    else this.#fresh.push(pending);
    if (this.#suspects.size > 0) this.#awaitQuiet();
  }

  /** Returns the next message that may be handled while `running` others are. */
  next(running: number): PendingDelivery | undefined {
    if (this.#alone) return undefined;
    if (this.#suspects.size === 0) return this.#fresh.shift();
    if (running > 0 || this.#quiet) return undefined;
    this.#alone = this.#suspects.take();
    return this.#alone;
  }

  /** Records that this process has handled and acknowledged a message. */
  acknowledged({ properties }: Message): void {
    if (this.#parts.counts && properties.messageId !== undefined) this.#acknowledged.add(properties.messageId);
  }

  /** Records that a message has an outcome. `isDone` means that it is not delivered again. */
  end(pending: PendingDelivery, isDone: boolean): void {
    if (this.#alone === pending) this.#alone = undefined;
    if (!isDone || this.#open.size === 0) return;
    const key = keyOf(pending.message);
    if (key !== undefined) this.#open.delete(key);
  }

  /**
   * Call this when the channel is lost. Removes the messages that the broker delivers again, and remembers that this
   * process received them. The messages in `running` are remembered too.
   */
  dropRequeued(running: Iterable<PendingDelivery>): void {
    for (const { message } of [...this.#fresh, ...this.#suspects.list(), ...running]) {
      if (keyOf(message) !== undefined || !this.#parts.counts) continue;
      const identity = identityOf(message);
      // If this run has lost its channel before, its copies were already counted.
      if (!this.#open.has(identity)) this.#remember(identity);
    }
    const isHere = ({ delivery }: PendingDelivery) => !delivery.isRequeued;
    this.#fresh = this.#fresh.filter(isHere);
    this.#suspects.keep(isHere);
  }

  /** Removes and returns all messages. */
  clear(): PendingDelivery[] {
    this.#quiet?.cancel();
    this.#quiet = undefined;
    const all = [...this.#suspects.list(), ...this.#fresh];
    this.#suspects.keep(() => false);
    this.#fresh = [];
    return all;
  }

  #classified(delivery: Delivery, message: Message): PendingDelivery {
    const { headers, fields } = message;
    const before = this.#remember(keyOf(message));
    const returns = headers['x-delivery-count'];
    const byBroker = typeof returns === 'number' ? returns : 0;
    const isKnown = before > 0;
    // RabbitMQ: a classic queue only marks a message as redelivered and does not count.
    const isCounted = returns !== undefined || headers['x-acquired-count'] !== undefined;
    const isUncounted = fields.redelivered && !isCounted && !isKnown && !this.#acknowledged.has(message);
    const isMarked = isMarkedRedelivered(headers, delivery.queue);
    const unfinishedAttempts = unfinishedAttemptsOf(headers, delivery.queue);
    // This process is alive, so the returns that the broker counted in the meantime are not crashes. With native retries
    // they are attempts that have failed.
    const ownReturns = Math.min(before, byBroker);
    const uncounted = this.#parts.isNative ? 0 : ownReturns;
    return {
      place: -1,
      delivery,
      message: uncounted > 0 ? { ...message, attempt: message.attempt - uncounted } : message,
      isSuspect: !isKnown && (isUncounted || isMarked || unfinishedAttempts > 0),
      isUncounted,
      isMarked,
      isNearlyDropped: this.#parts.isNearlyDropped(message),
      unfinishedAttempts: unfinishedAttempts - ownReturns,
      work: undefined,
    };
  }

  #remember(key: string | undefined): number {
    if (key === undefined) return 0;
    const before = this.#open.get(key) ?? 0;
    this.#open.delete(key);
    this.#open.set(key, before + 1);
    const [oldest] = this.#open.keys();
    if (this.#open.size > mostOpen && oldest !== undefined) this.#open.delete(oldest);
    return before;
  }

  #awaitQuiet(): void {
    this.#quiet?.cancel();
    const ready = () => {
      this.#quiet = undefined;
      this.#parts.onReady();
    };
    const isFull = this.#parts.prefetch > 0 && this.size >= this.#parts.prefetch;
    this.#quiet = isFull ? undefined : time.after(quietMs, ready);
  }
}

/**
 * Returns the key by which a message is recognised. Returns `undefined` for the first delivery of a message without
 * message-id, because it need not be recognised.
 */
function keyOf(message: Message): string | undefined {
  return message.properties.messageId ?? (message.fields.redelivered ? identityOf(message) : undefined);
}
