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

export class Window {
  readonly #entries = new Set<Entry>();
  /** Not sent on the channel of now. */
  #unsent = new Set<Entry>();
  /** Sent on it and not answered, by what a basic.return tells. */
  readonly #inFlight = new Map<string, Entry>();
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
    this.#unsent.add(entry);
    this.bytes += message.body.length;
  }

  /** Returns the next message to send, undefined if there is none or it has to wait. */
  next(): Entry | undefined {
    const [entry] = this.#unsent;
    if (!entry) return undefined;
    const identity = identityOf(entry.message);
    if (this.#inFlight.has(identity)) return undefined;
    this.#unsent.delete(entry);
    this.#inFlight.set(identity, entry);
    return entry;
  }

  /** Returns the message that came back. */
  returned({ fields, properties }: RawMessage): Entry | undefined {
    return this.#inFlight.get(identityOf({ ...fields, properties }));
  }

  /** The channel is gone: everything has to be sent again. */
  rewind(): void {
    this.#inFlight.clear();
    this.#unsent = new Set(this.#entries);
    for (const entry of this.#entries) entry.returned = undefined;
  }

  remove(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    this.bytes -= entry.message.body.length;
    if (!this.#unsent.delete(entry)) this.#inFlight.delete(identityOf(entry.message));
  }
}

interface Identified {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: { readonly messageId?: string };
}

function identityOf({ exchange, routingKey, properties: { messageId = '' } }: Identified): string {
  return `${exchange.length} ${routingKey.length} ${exchange}${routingKey}${messageId}`;
}
