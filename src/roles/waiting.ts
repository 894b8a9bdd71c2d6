// What was delivered and has no handler yet, and in which order it gets one. A message that has come before without an
// outcome may be what killed its worker. Such suspects are handled alone, so that of ten that were in one worker only
// the one that kills it goes on being counted: those with the fewest attempts first, and of equals by turns the last
// and the first by their ids, so that after two more deaths the innocent have been handled, wherever the guilty one stands.

import type { Message } from '../handlers/handler.ts';
import type { Delivery } from '../session/consumer.ts';
import { identityOf } from './identity.ts';
import { endsOf } from './message.ts';

export interface Taken {
  /** What is to be answered. */
  delivery: Delivery;
  readonly message: Message;
  readonly isSuspect: boolean;
  /** Its worker ended, and no broker counts that: it has to be counted by sending it round once more. */
  readonly isUncounted: boolean;
  /** The broker drops it if it comes back much more often: it has to be published again. */
  readonly isNearlyDropped: boolean;
  /** How many attempts in a row ended without an outcome. */
  readonly ends: number;
}

export interface WaitingParts {
  /** Whether attempts are counted: not for handlers that cannot fail. */
  readonly counts: boolean;
  readonly isNearlyDropped: (message: Message) => boolean;
  /** As many can be delivered at once; 0: no bound. */
  readonly prefetch: number;
  /** Called when a message that had to wait can be taken. */
  readonly onReady: () => void;
}

/** Milliseconds without a delivery, after which the suspects that came together are all here. */
const quietMs = 500;
/** Messages without an answer that are remembered, so that a lost connection is not taken for a dead worker. */
const mostOpen = 10_000;

export class Waiting {
  readonly #parts: WaitingParts;
  readonly #fresh: Taken[] = [];
  #suspects: Taken[] = [];
  #alone: Taken | undefined;
  #quiet: NodeJS.Timeout | undefined;
  /** By `keyOf`: how often this process got it and could not answer, or gave it back. */
  readonly #open = new Map<string, number>();

  constructor(parts: WaitingParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#fresh.length + this.#suspects.length;
  }

  /** True if it has a suspect: nothing may be handled beside it. */
  get needsAll(): boolean {
    return this.#alone !== undefined || this.#suspects.length > 0;
  }

  /** Finds out what is known of a message that has come. */
  judge(delivery: Delivery, message: Message): Taken {
    if (this.#parts.counts) return this.#judged(delivery, message);
    const isNearlyDropped = this.#parts.isNearlyDropped(message);
    return { delivery, message, isSuspect: false, isUncounted: false, isNearlyDropped, ends: 0 };
  }

  /** Counts a copy that needs no handler of its own, because a run goes on whose answer it gets. */
  count(copy: Message): void {
    if (this.#parts.counts) this.#remember(keyOf(copy));
  }

  add(taken: Taken): void {
    (taken.isSuspect ? this.#suspects : this.#fresh).push(taken);
    if (this.#suspects.length > 0) this.#awaitQuiet();
  }

  /** The next one that may be handled beside so many. */
  next(running: number): Taken | undefined {
    if (this.#alone) return undefined;
    if (this.#suspects.length === 0) return this.#fresh.shift();
    if (running > 0 || this.#quiet) return undefined;
    this.#alone = this.#pick();
    return this.#alone;
  }

  /** It has an outcome. `isDone`: it will not come again. */
  end(taken: Taken, isDone: boolean): void {
    if (this.#alone === taken) this.#alone = undefined;
    if (!isDone || this.#open.size === 0) return;
    const key = keyOf(taken.message);
    if (key !== undefined) this.#open.delete(key);
  }

  /** The channel is lost: drops what the broker delivers again, and remembers that it was here, like what is `running`. */
  dropRequeued(running: Iterable<Taken>): void {
    for (const { message } of [...this.#fresh, ...this.#suspects, ...running]) {
      if (keyOf(message) !== undefined || !this.#parts.counts) continue;
      const identity = identityOf(message);
      // A run that has lost its channel before: its copies were counted.
      if (!this.#open.has(identity)) this.#remember(identity);
    }
    const isHere = ({ delivery }: Taken) => !delivery.isRequeued;
    this.#fresh.splice(0, this.#fresh.length, ...this.#fresh.filter(isHere));
    this.#suspects = this.#suspects.filter(isHere);
  }

  /** Takes out everything. */
  clear(): Taken[] {
    clearTimeout(this.#quiet);
    this.#quiet = undefined;
    return [...this.#suspects.splice(0), ...this.#fresh.splice(0)];
  }

  #judged(delivery: Delivery, message: Message): Taken {
    const { headers, fields } = message;
    const before = this.#remember(keyOf(message));
    const returns = headers['x-delivery-count'];
    const byBroker = typeof returns === 'number' ? returns : 0;
    const isKnown = before > 0;
    // RabbitMQ: a classic queue only says that a message was delivered before.
    const isCounted = returns !== undefined || headers['x-acquired-count'] !== undefined;
    const isUncounted = fields.redelivered && !isCounted && !isKnown;
    const ends = endsOf(headers, delivery.queue);
    // This process lives, so what the broker counted meanwhile is no death.
    const forgiven = Math.min(before, byBroker);
    return {
      delivery,
      message: forgiven > 0 ? { ...message, attempt: message.attempt - forgiven } : message,
      isSuspect: !isKnown && (isUncounted || ends > 0),
      isUncounted,
      isNearlyDropped: this.#parts.isNearlyDropped(message),
      ends: ends - forgiven,
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
    clearTimeout(this.#quiet);
    const ready = () => {
      this.#quiet = undefined;
      this.#parts.onReady();
    };
    const isFull = this.#parts.prefetch > 0 && this.size >= this.#parts.prefetch;
    this.#quiet = isFull ? undefined : setTimeout(ready, quietMs);
  }

  #pick(): Taken | undefined {
    const fewest = Math.min(...this.#suspects.map(({ message }) => message.attempt));
    // By id: they need not come back in the order they were in (RabbitMQ 4.0: quorum queues).
    const among = this.#suspects
      .filter(({ message }) => message.attempt === fewest)
      .toSorted((one, other) => (idOf(one) < idOf(other) ? -1 : 1));
    const picked = fewest % 2 === 0 ? among.at(-1) : among[0];
    this.#suspects = this.#suspects.filter((one) => one !== picked);
    return picked;
  }
}

function idOf({ message }: Taken): string {
  return message.properties.messageId ?? '';
}

/** Returns undefined for what comes for the first time without a message-id: it need not be recognized. */
function keyOf(message: Message): string | undefined {
  return message.properties.messageId ?? (message.fields.redelivered ? identityOf(message) : undefined);
}
