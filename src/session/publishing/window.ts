// Keeps the messages of a publisher that the broker has not answered, in order. A basic.return identifies a message by
// exchange, routing key and message-id. Two messages with the same three values are therefore never outstanding
// together: the second one, and all messages after it, wait for the first.

import type { MqError } from '../../errors.ts';
import type { OutgoingMessage, PublishOutcome } from '../outgoing-message.ts';
import type { RawMessage } from '../raw-message.ts';

export interface UnconfirmedMessage {
  readonly message: OutgoingMessage;
  readonly settle: (outcome: PublishOutcome) => void;
  /** Reason why the broker returned it. */
  returned: MqError | undefined;
  /** Time when it was last sent. */
  writtenAt: number;
}

/** Number of sent entries after which they are removed from the list of unsent ones. */
const mostSent = 1024;

export class Window {
  readonly #entries = new Set<UnconfirmedMessage>();
  /** Entries that are not sent on the current channel, from `#head` on. Settled entries are skipped. */
  #unsent: UnconfirmedMessage[] = [];
  #head = 0;
  /** Entries that are sent on the current channel and not answered, by message-id. */
  readonly #inFlight = new Map<string, UnconfirmedMessage[]>();
  /** Total size of all bodies. */
  bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<UnconfirmedMessage> {
    return this.#entries.values();
  }

  has(entry: UnconfirmedMessage): boolean {
    return this.#entries.has(entry);
  }

  add(message: OutgoingMessage, settle: UnconfirmedMessage['settle']): void {
    const entry: UnconfirmedMessage = { message, settle, returned: undefined, writtenAt: 0 };
    this.#entries.add(entry);
    this.#unsent.push(entry);
    this.bytes += message.body.length;
  }

  /** Returns the next message to send, or `undefined` if all are sent or the next one must wait. */
  next(): UnconfirmedMessage | undefined {
    let entry = this.#unsent[this.#head];
    while (entry && !this.#entries.has(entry)) entry = this.#unsent[++this.#head];
    if (!entry) {
      this.#unsent = [];
      this.#head = 0;
      return undefined;
    }
    const id = idOf(entry.message);
    const sameId = this.#inFlight.get(id);
    if (sameId?.some(({ message }) => isSame(message, entry.message))) return undefined;
    this.#head += 1;
    // If the list never becomes empty, it must not keep sent entries in memory.
    if (this.#head > mostSent && this.#head * 2 > this.#unsent.length) {
      this.#unsent.splice(0, this.#head);
      this.#head = 0;
    }
    if (sameId) sameId.push(entry);
    else this.#inFlight.set(id, [entry]);
    return entry;
  }

  /** Returns the entry of a returned message. */
  returned({ fields, properties }: RawMessage): UnconfirmedMessage | undefined {
    return this.#inFlight.get(idOf({ properties }))?.find(({ message }) => isSame(message, fields));
  }

  /** Marks everything as unsent, because the channel is closed. */
  rewind(): void {
    this.#inFlight.clear();
    this.#unsent = [...this.#entries];
    this.#head = 0;
    for (const entry of this.#entries) entry.returned = undefined;
  }

  remove(entry: UnconfirmedMessage): void {
    if (!this.#entries.delete(entry)) return;
    this.bytes -= entry.message.body.length;
    const id = idOf(entry.message);
    const sameId = this.#inFlight.get(id);
    const index = sameId?.indexOf(entry) ?? -1;
    if (index === -1) return;
    if (sameId?.length === 1) this.#inFlight.delete(id);
    else sameId?.splice(index, 1);
  }
}

function idOf({ properties }: { readonly properties: { readonly messageId?: string } }): string {
  return properties.messageId ?? '';
}

interface Address {
  readonly exchange: string;
  readonly routingKey: string;
}

function isSame(one: Address, other: Address): boolean {
  return one.routingKey === other.routingKey && one.exchange === other.exchange;
}
