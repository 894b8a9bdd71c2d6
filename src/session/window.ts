// The messages of a publisher that have no answer, in order. A basic.return names exchange, routing key and message-id, so
// no two messages that are the same in these are in flight together: the second one, and all after it, wait for the first.

import type { RawMessage } from 'amqplib/callback_api';
import type { MqError } from '../errors.ts';
import type { OutgoingMessage, Sent } from './publisher.ts';

export interface Entry {
  readonly message: OutgoingMessage;
  readonly settle: (sent: Sent) => void;
  /** Why it came back. */
  returned: MqError | undefined;
  /** When it was sent last. */
  writtenAt: number;
}

/** Entries that are sent and still in the list of the unsent ones. */
const mostSent = 1024;

export class Window {
  readonly #entries = new Set<Entry>();
  /** Not sent on the present channel, from `#head` on. Those that are settled meanwhile are passed over. */
  #unsent: Entry[] = [];
  #head = 0;
  /** Sent on it and not answered, by message-id. */
  readonly #inFlight = new Map<string, Entry[]>();
  /** Of all bodies. */
  bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values();
  }

  has(entry: Entry): boolean {
    return this.#entries.has(entry);
  }

  add(message: OutgoingMessage, settle: Entry['settle']): void {
    const entry: Entry = { message, settle, returned: undefined, writtenAt: 0 };
    this.#entries.add(entry);
    this.#unsent.push(entry);
    this.bytes += message.body.length;
  }

  /** Returns the next message to send, undefined if there is none or it has to wait. */
  next(): Entry | undefined {
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
    // What was sent must not be held by a list that never becomes empty.
    if (this.#head > mostSent && this.#head * 2 > this.#unsent.length) {
      this.#unsent.splice(0, this.#head);
      this.#head = 0;
    }
    if (sameId) sameId.push(entry);
    else this.#inFlight.set(id, [entry]);
    return entry;
  }

  /** Returns the message that came back. */
  returned({ fields, properties }: RawMessage): Entry | undefined {
    return this.#inFlight.get(idOf({ properties }))?.find(({ message }) => isSame(message, fields));
  }

  /** The channel is gone: everything has to be sent again. */
  rewind(): void {
    this.#inFlight.clear();
    this.#unsent = [...this.#entries];
    this.#head = 0;
    for (const entry of this.#entries) entry.returned = undefined;
  }

  remove(entry: Entry): void {
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
