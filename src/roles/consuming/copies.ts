// Handles messages that the broker delivers again because their channel was lost while their handler was running. If
// such a copy arrives in this process, it replaces the lost delivery and receives the answer of the handler that is
// already running. Each run answers at most one delivery. Another message with the same content is therefore handled by
// a run of its own.

import { ArrivalOrder, type Placed } from '../../arrival-order.ts';
import type { Message, Outcome } from '../../handlers/handler.ts';
import type { Delivery } from '../../session/consumer.ts';
import { time } from '../../time.ts';
import { identityOf } from './identity.ts';

/**
 * Settlement of a copy without a handler: the outcome of the earlier run, or the answer that did not reach the broker.
 */
type Recalled = Outcome | { readonly type: 'acked' } | { readonly type: 'rejected' };

/** An answer that is remembered for a copy. */
interface RememberedAnswer {
  readonly recalled: Recalled;
  /** Time when the run ended, on the monotonic clock. */
  readonly at: number;
}

/** Maximum number of remembered answers. */
const mostRemembered = 10_000;
/** Milliseconds for which an answer is remembered while the broker is reachable. */
const rememberedMs = 600_000;
/**
 * Like `rememberedMs` for a message without message-id. It is shorter, because a later message may have the same
 * content.
 */
const rememberedWithoutIdMs = 30_000;

export class Copies {
  readonly #tracked = new ArrivalOrder<TrackedDelivery>();
  readonly #remembered = new Map<string, RememberedAnswer[]>();
  /** Time when the consumer was last set up. */
  #resumedAt = 0;

  /** Registers the delivery of a running handler until `release`. Returns the delivery that the handler answers. */
  track(delivery: Delivery, message: Message): Delivery {
    const tracked = new TrackedDelivery(delivery, message, this);
    this.#tracked.add(tracked);
    return tracked;
  }

  release(tracked: Delivery): void {
    if (tracked instanceof TrackedDelivery) this.#tracked.delete(tracked);
  }

  /**
   * Returns `true` if the delivery is a copy of a message in a running handler. The copy then receives that outcome.
   */
  join(copy: Delivery, message: Message): boolean {
    if (!mayBeCopy(message)) return false;
    const lost = [...this.#tracked].filter(({ isStale }) => isStale);
    if (lost.length === 0) return false;
    const identity = identityOf(message);
    const first = lost.find((tracked) => tracked.identity === identity);
    first?.replace(copy);
    return first !== undefined;
  }

  /** Remembers the result of a lost delivery for a copy that has not arrived yet. */
  remember(message: Message, recalled: Recalled): void {
    const identity = identityOf(message);
    const others = this.#remembered.get(identity) ?? [];
    this.#remembered.delete(identity);
    this.#remembered.set(identity, [...others, { recalled, at: time.now() }]);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > mostRemembered && oldest !== undefined) this.#remembered.delete(oldest);
  }

  /** Reports whether there may be a remembered result for this message. */
  mayKnow(message: Message): boolean {
    return this.#remembered.size > 0 && mayBeCopy(message);
  }

  /** Returns the remembered result for this copy, once for each run. */
  recall(message: Message): Recalled | undefined {
    if (!this.mayKnow(message)) return undefined;
    const identity = identityOf(message);
    const forMs = message.properties.messageId === undefined ? rememberedWithoutIdMs : rememberedMs;
    const oldest = time.now() - forMs;
    const valid = this.#remembered.get(identity)?.filter(({ at }) => Math.max(at, this.#resumedAt) > oldest) ?? [];
    const [first, ...others] = valid;
    if (others.length > 0) this.#remembered.set(identity, others);
    else this.#remembered.delete(identity);
    return first?.recalled;
  }

  /** Call this when the consumer is set up again, because no copy can arrive before. */
  resume(): void {
    this.#resumedAt = time.now();
  }
}

/** Checks whether the message may be a copy. RabbitMQ does not mark redelivered messages of a stream. */
function mayBeCopy({ fields, headers }: Message): boolean {
  return fields.redelivered || headers['x-stream-offset'] !== undefined;
}

/** A delivery whose handler is running. */
class TrackedDelivery implements Delivery, Placed {
  place = -1;
  #now: Delivery;
  readonly #message: Message;
  /** Remembers a final answer that the broker did not receive. */
  readonly #copies: Copies;
  #identity: string | undefined;

  constructor(delivery: Delivery, message: Message, copies: Copies) {
    this.#now = delivery;
    this.#message = message;
    this.#copies = copies;
  }

  get raw() {
    return this.#now.raw;
  }

  get queue() {
    return this.#now.queue;
  }

  get isStale() {
    return this.#now.isStale;
  }

  get isRequeued() {
    return this.#now.isRequeued;
  }

  get identity(): string {
    this.#identity ??= identityOf(this.#message);
    return this.#identity;
  }

  replace(copy: Delivery): void {
    this.#now = copy;
  }

  ack(): boolean {
    return this.#now.ack() || this.#dropped('acked');
  }

  nack(requeue: boolean): boolean {
    return this.#now.nack(requeue) || (!requeue && this.#dropped('rejected'));
  }

  reject(requeue: boolean): boolean {
    return this.#now.reject(requeue) || (!requeue && this.#dropped('rejected'));
  }

  #dropped(answer: 'acked' | 'rejected'): false {
    if (this.isRequeued) this.#copies.remember(this.#message, { type: answer });
    return false;
  }
}
