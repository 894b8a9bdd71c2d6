// Handles messages that the broker delivers again because their channel was lost while their handler was running. If
// such a copy arrives in this process, it replaces the lost delivery and receives the answer of the handler that is
// already running. Each run answers at most one delivery, so another message with equal content does no harm.

import type { Message, Outcome } from '../../handlers/handler.ts';
import type { Delivery } from '../../session/consumer.ts';
import { identityOf } from './identity.ts';

/**
 * Settlement of a copy without a handler: the outcome of the earlier run, or the answer that did not reach the broker.
 */
type Recalled = Outcome | { readonly type: 'acked' } | { readonly type: 'rejected' };

/** An answer that is remembered for a copy. */
interface Kept {
  readonly recalled: Recalled;
  /** Time when the run ended, on the monotonic clock. */
  readonly at: number;
}

/** Maximum number of remembered answers. */
const mostKept = 10_000;
/** Milliseconds for which an answer is remembered while the broker is reachable. */
const keptMs = 600_000;
/** Like `keptMs` for a message without message-id. It is shorter because a later message may be equal. */
const keptAnonymousMs = 30_000;

export class Copies {
  readonly #held = new Set<Held>();
  readonly #kept = new Map<string, Kept[]>();
  /** Time when the consumer was last set up. */
  #resumedAt = 0;

  /** Registers the delivery of a running handler until `release`. Returns the delivery that the handler answers. */
  hold(delivery: Delivery, message: Message): Delivery {
    const held = new Held(delivery, message, (answer) => this.keep(message, { type: answer }));
    this.#held.add(held);
    return held;
  }

  release(held: Delivery): void {
    if (held instanceof Held) this.#held.delete(held);
  }

  /** Returns `true` if the delivery is a copy of a message in a running handler. It then receives that outcome. */
  join(copy: Delivery, message: Message): boolean {
    if (!isAgain(message)) return false;
    const lost = [...this.#held].filter(({ isStale }) => isStale);
    if (lost.length === 0) return false;
    const identity = identityOf(message);
    const first = lost.find((held) => held.identity === identity);
    first?.replace(copy);
    return first !== undefined;
  }

  /** Remembers the result of a lost delivery for a copy that has not arrived yet. */
  keep(message: Message, recalled: Recalled): void {
    const identity = identityOf(message);
    const others = this.#kept.get(identity) ?? [];
    this.#kept.delete(identity);
    this.#kept.set(identity, [...others, { recalled, at: performance.now() }]);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Returns the remembered result for this copy, once for each run. */
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

  /** Call this when the consumer is set up again, because no copy can arrive before. */
  resume(): void {
    this.#resumedAt = performance.now();
  }
}

/** Checks whether the message may be a copy. RabbitMQ does not mark redelivered messages of a stream. */
function isAgain({ fields, headers }: Message): boolean {
  return fields.redelivered || headers['x-stream-offset'] !== undefined;
}

/** A delivery whose handler is running. */
class Held implements Delivery {
  #now: Delivery;
  readonly #message: Message;
  /** Called with a final answer that the broker did not receive. */
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
