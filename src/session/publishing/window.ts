// Keeps the messages of a publisher that the broker has not answered, in order: first those that are sent on the current
// channel, then the others. A basic.return identifies a message by exchange, routing key and message-id; without a
// message-id, by the start of its body. Two messages with the same three values are therefore never outstanding together:
// the second one, and all messages after it, wait for the first.

import type { MqError } from '../../errors.ts';
import { type PublishOutcome, SeriesMessage, type WritableMessage } from '../outgoing-message.ts';
import type { RawMessage } from '../raw-message.ts';
import { Queue } from './queue.ts';

export interface UnconfirmedMessage {
  readonly message: WritableMessage;
  readonly settle: (outcome: PublishOutcome) => void;
  /** Reason why the broker returned it. */
  returned: MqError | undefined;
  /** Time when it was last sent. */
  writtenAt: number;
  /** `true` if the broker has answered on the current channel, but the message must be sent again on another one. */
  isPostponed: boolean;
  /** Number of internal errors of the broker (541) that closed the connection while it had no answer. */
  crashes: number;
  /** Queue that contains it. `undefined` if it is no longer in the window. */
  queue: Queue<UnconfirmedMessage> | undefined;
  /** Position in the queue. For a sent message, this is the delivery tag. */
  position: number;
  /** Another message with the same message-id that is sent and not answered. */
  sameId: UnconfirmedMessage | undefined;
}

export class Window {
  /** RabbitMQ: the first message on a confirm channel has the delivery tag 1. */
  #sent = new Queue<UnconfirmedMessage>(1);
  #unsent = new Queue<UnconfirmedMessage>(1);
  /**
   * Entries that are sent on the current channel and not answered, by message-id. Messages of a series are not in it,
   * because their message-ids are unique.
   */
  readonly #inFlight = new Map<string, UnconfirmedMessage>();
  /** Delivery tag that follows the last returned message of a series. */
  #returnedAt = 0;
  /** Number of messages with `crashes`. They are sent one after the other, so that the next error has one cause. */
  #suspects = 0;
  size = 0;
  /** Total size of all bodies. */
  bytes = 0;

  *[Symbol.iterator](): Generator<UnconfirmedMessage> {
    yield* this.#sent;
    yield* this.#unsent;
  }

  has(entry: UnconfirmedMessage): boolean {
    return entry.queue !== undefined;
  }

  add(message: WritableMessage, settle: UnconfirmedMessage['settle']): void {
    const queue = this.#unsent;
    const entry: UnconfirmedMessage = {
      ...{ message, settle, queue },
      ...{ returned: undefined, isPostponed: false, writtenAt: 0, crashes: 0, position: 0, sameId: undefined },
    };
    entry.position = queue.push(entry);
    this.size += 1;
    this.bytes += message.body.length;
  }

  /** Returns the next message to send, or `undefined` if all are sent or the next one must wait. */
  next(): UnconfirmedMessage | undefined {
    const entry = this.#unsent.first;
    if (!entry || this.#mustBeAlone(entry)) return undefined;
    if (entry.message instanceof SeriesMessage) return entry;
    return this.#inFlightLike(entry.message, idOf(entry.message.properties, entry.message.body)) ? undefined : entry;
  }

  /**
   * Counts an internal error of the broker for the messages without an answer. Returns a message that was alone at two such
   * errors or more, so it is their cause.
   */
  crashed(): UnconfirmedMessage | undefined {
    const sent = [...this.#sent];
    for (const entry of sent) entry.crashes += 1;
    this.#suspects += sent.filter(({ crashes }) => crashes === 1).length;
    return sent.length === 1 && sent[0] && sent[0].crashes > 1 ? sent[0] : undefined;
  }

  /** Reports whether a message must wait, because one of two was on its way at an internal error. */
  #mustBeAlone({ crashes }: UnconfirmedMessage): boolean {
    if (this.#suspects === 0) return false;
    const current = this.#sent.first;
    return current !== undefined && (crashes > 0 || current.crashes > 0);
  }

  /** Records that the message of `next` is sent. Its delivery tag follows the one of the previous message. */
  markSent(entry: UnconfirmedMessage): void {
    this.#unsent.remove(entry.position);
    entry.queue = this.#sent;
    entry.position = this.#sent.push(entry);
    if (entry.message instanceof SeriesMessage) return;
    const id = idOf(entry.message.properties, entry.message.body);
    entry.sameId = this.#inFlight.get(id);
    this.#inFlight.set(id, entry);
  }

  /** Delivery tag of the first message that is not answered. */
  get firstTag(): number {
    return this.#sent.firstPosition;
  }

  /** Delivery tag of the last message that is sent on the current channel. */
  get lastTag(): number {
    return this.#sent.endPosition - 1;
  }

  /** Returns the message that is sent with this delivery tag and not answered. */
  withTag(tag: number): UnconfirmedMessage | undefined {
    return this.#sent.at(tag);
  }

  /** Returns the entry of a returned message. */
  returned({ fields, properties, content }: RawMessage): UnconfirmedMessage | undefined {
    const id = idOf(properties, content);
    return this.#inFlightLike(fields, id) ?? this.#returnedOfSeries(id);
  }

  /** Searches from the last returned message on, because messages return in the order in which they were sent. */
  #returnedOfSeries(id: string): UnconfirmedMessage | undefined {
    const { firstPosition, endPosition } = this.#sent;
    const start = Math.max(firstPosition, this.#returnedAt);
    for (const [from, to] of [
      [start, endPosition],
      [firstPosition, start],
    ] as const) {
      for (let tag = from; tag < to; tag += 1) {
        const entry = this.#sent.at(tag);
        if (!(entry?.message instanceof SeriesMessage) || idOf(entry.message.properties, entry.message.body) !== id)
          continue;
        this.#returnedAt = tag + 1;
        return entry;
      }
    }
    return undefined;
  }

  /** Marks everything as unsent, because the channel is closed. */
  rewind(): void {
    const entries = [...this];
    this.#inFlight.clear();
    this.#returnedAt = 0;
    this.#sent = new Queue(1);
    this.#unsent = new Queue(1);
    for (const entry of entries) {
      entry.returned = undefined;
      entry.isPostponed = false;
      entry.sameId = undefined;
      entry.queue = this.#unsent;
      entry.position = this.#unsent.push(entry);
    }
  }

  remove(entry: UnconfirmedMessage): void {
    const { queue } = entry;
    if (!queue) return;
    entry.queue = undefined;
    queue.remove(entry.position);
    this.size -= 1;
    if (entry.crashes > 0) this.#suspects -= 1;
    this.bytes -= entry.message.body.length;
    if (queue === this.#sent && !(entry.message instanceof SeriesMessage)) this.#removeFromFlight(entry);
  }

  #removeFromFlight(entry: UnconfirmedMessage): void {
    const id = idOf(entry.message.properties, entry.message.body);
    let other = this.#inFlight.get(id);
    if (other === entry) {
      if (entry.sameId) this.#inFlight.set(id, entry.sameId);
      else this.#inFlight.delete(id);
    }
    for (; other; other = other.sameId) if (other.sameId === entry) other.sameId = entry.sameId;
  }

  #inFlightLike({ exchange, routingKey }: Address, id: string): UnconfirmedMessage | undefined {
    let entry = this.#inFlight.get(id);
    while (entry && (entry.message.routingKey !== routingKey || entry.message.exchange !== exchange))
      entry = entry.sameId;
    return entry;
  }
}

/** Returns what identifies a message: its message-id, else its size and the start of its body. */
function idOf({ messageId }: { readonly messageId?: string }, body: Buffer): string {
  return messageId ?? `${body.length} ${body.toString('latin1', 0, identifyingBytes)}`;
}

const identifyingBytes = 64;

interface Address {
  readonly exchange: string;
  readonly routingKey: string;
}
