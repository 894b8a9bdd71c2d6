// Deliveries whose channel is lost while their handler runs. The broker delivers such a message again; if that copy comes
// to this process, it takes the place of the lost delivery: it gets the answer of the run that has begun, and has none of
// its own. One run answers at most one delivery, so a copy that is only equal to the message does no harm.

import type { Message, Outcome } from '../handlers/handler.ts';
import type { Delivery } from '../session/consumer.ts';
import { identityOf } from './identity.ts';

/** What becomes of a copy without a run: the outcome of the earlier run, or the answer that did not reach the broker. */
export type Recalled = Outcome | { readonly type: 'acked' } | { readonly type: 'rejected' };

/** An answer that is remembered for a copy. */
interface Kept {
  readonly recalled: Recalled;
  /** When the run ended, by the monotonic clock. */
  readonly at: number;
}

/** Answers that are remembered at most. */
const mostKept = 10_000;
/** Milliseconds for which an answer is remembered while the broker can be reached. */
const keptMs = 600_000;
/** The same for a message without message-id, because a later message may be equal to it. */
const keptAnonymousMs = 30_000;

export class Copies {
  readonly #held = new Set<Held>();
  readonly #kept = new Map<string, Kept[]>();
  /** When the consumer was set up last. */
  #resumedAt = 0;

  /** Returns the delivery that a run answers, until `release`. */
  hold(delivery: Delivery, message: Message): Delivery {
    const held = new Held(delivery, message, (answer) => this.keep(message, { type: answer }));
    this.#held.add(held);
    return held;
  }

  release(held: Delivery): void {
    this.#held.delete(held as Held);
  }

  /** Returns true if the delivery is a copy of a message whose run goes on; it then waits for the outcome of that run. */
  join(copy: Delivery, message: Message): boolean {
    if (!isAgain(message)) return false;
    const lost = [...this.#held].filter(({ isStale }) => isStale);
    if (lost.length === 0) return false;
    const identity = identityOf(message);
    const first = lost.find((held) => held.identity === identity);
    first?.replace(copy);
    return first !== undefined;
  }

  /** Remembers, for the copy that is still to come, what the run of a lost delivery came to. */
  keep(message: Message, recalled: Recalled): void {
    const identity = identityOf(message);
    const others = this.#kept.get(identity) ?? [];
    this.#kept.delete(identity);
    this.#kept.set(identity, [...others, { recalled, at: performance.now() }]);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Returns what is remembered for this copy, once for each run. */
  recall(message: Message): Recalled | undefined {
    if (!isAgain(message) || this.#kept.size === 0) return undefined;
    const identity = identityOf(message);
    const forMs = message.properties.messageId === undefined ? keptAnonymousMs : keptMs;
    const oldest = performance.now() - forMs;
    const valid = this.#kept.get(identity)?.filter(({ at }) => Math.max(at, this.#resumedAt) > oldest) ?? [];
    const [first, ...others] = valid;
    if (others.length > 0) this.#kept.set(identity, others);
    else this.#kept.delete(identity);
    return first?.recalled;
  }

  /** Call this when the consumer is set up again: no copy could come before. */
  resume(): void {
    this.#resumedAt = performance.now();
  }
}

/** RabbitMQ does not say of a message in a stream that it was delivered before. */
function isAgain({ fields, headers }: Message): boolean {
  return fields.redelivered || headers['x-stream-offset'] !== undefined;
}

/** A delivery in a handler. */
class Held implements Delivery {
  #now: Delivery;
  readonly #message: Message;
  /** Receives an answer after which the message must not be handled again, and which the broker did not get. */
  readonly #onDropped: (answer: 'acked' | 'rejected') => void;
  #identity: string | undefined;

  constructor(delivery: Delivery, message: Message, onDropped: (answer: 'acked' | 'rejected') => void) {
    this.#now = delivery;
    this.#message = message;
    this.#onDropped = onDropped;
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
    if (this.isRequeued) this.#onDropped(answer);
    return false;
  }
}
