// Pairs requests with their replies. A request has a reply-to and a correlation-id; its reply has the same correlation-id,
// and usually the reply-to as its routing key.

import { time } from '../../../time.ts';
import type { SeenMessage } from './watch.ts';

/** A message, or a request with its reply. */
export interface Exchanged {
  readonly message: SeenMessage;
  /** `undefined` if the message is not a request, `null` if no reply was seen. */
  readonly reply?: { readonly message: SeenMessage; readonly elapsedMs: number } | null;
}

interface Pending {
  readonly message: SeenMessage;
  readonly pair: string;
  readonly correlationId: string;
}

/** Milliseconds after which a request is printed without a reply. It is the default timeout of `mq request`. */
const replyMs = 30_000;
/** Maximum number of requests that wait for a reply, so that memory is bounded. */
const mostPending = 10_000;

export class Replies {
  /** Requests by reply-to and correlation-id, the oldest first. */
  readonly #byPair = new Map<string, Pending>();
  /** Requests by correlation-id, which several clients may use. */
  readonly #byId = new Map<string, Set<Pending>>();

  /** Returns what can be printed after this message. */
  add(message: SeenMessage): Exchanged[] {
    const { correlationId, replyTo } = message.raw.properties;
    const request = this.#requestOf(message);
    const done: Exchanged[] = [];
    if (request) {
      this.#remove(request);
      const elapsedMs = message.monotonicMs - request.message.monotonicMs;
      done.push({ message: request.message, reply: { message, elapsedMs } });
    }
    if (message.isNamed && correlationId !== undefined && replyTo !== undefined) {
      done.push(...this.#wait({ message, correlationId, pair: pairOf(replyTo, correlationId) }));
    } else if (message.isNamed && !request) done.push({ message });
    return done.filter(isSelected);
  }

  /** Returns the requests that have waited for too long. */
  expired(nowMs = time.now()): Exchanged[] {
    const done: Exchanged[] = [];
    for (const pending of this.#byPair.values()) {
      if (nowMs - pending.message.monotonicMs < replyMs) break;
      done.push(this.#given(pending));
    }
    return done.filter(isSelected);
  }

  /** Returns all requests that still wait. */
  rest(): Exchanged[] {
    return [...this.#byPair.values()].map((pending) => this.#given(pending)).filter(isSelected);
  }

  /** Returns the request that this message answers. */
  #requestOf({ raw: { fields, properties } }: SeenMessage): Pending | undefined {
    const { correlationId } = properties;
    if (correlationId === undefined) return undefined;
    const exact = this.#byPair.get(pairOf(fields.routingKey, correlationId));
    // A message to the default exchange reaches only the queue that it names.
    if (exact || fields.exchange === '' || properties.replyTo !== undefined) return exact;
    const [only, ...others] = this.#byId.get(correlationId) ?? [];
    return others.length === 0 ? only : undefined;
  }

  #wait(pending: Pending): Exchanged[] {
    const [oldest] = this.#byPair.values();
    const repeated = this.#byPair.get(pending.pair);
    const full = this.#byPair.size >= mostPending ? oldest : undefined;
    const done = [...new Set([repeated, full])].flatMap((one) => (one ? [this.#given(one)] : []));
    this.#byPair.set(pending.pair, pending);
    const same = this.#byId.get(pending.correlationId) ?? new Set();
    this.#byId.set(pending.correlationId, same.add(pending));
    return done;
  }

  #given(pending: Pending): Exchanged {
    this.#remove(pending);
    return { message: pending.message, reply: null };
  }

  #remove(pending: Pending): void {
    const { pair, correlationId } = pending;
    this.#byPair.delete(pair);
    const same = this.#byId.get(correlationId);
    same?.delete(pending);
    if (same?.size === 0) this.#byId.delete(correlationId);
  }
}

/** A line is printed if the request or its reply matches the filters. */
function isSelected({ message, reply }: Exchanged): boolean {
  return message.isFiltered || reply?.message.isFiltered === true;
}

function pairOf(replyTo: string, correlationId: string): string {
  return `${replyTo}\0${correlationId}`;
}
