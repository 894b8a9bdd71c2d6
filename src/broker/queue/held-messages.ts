// The messages that one queue holds: ready, unacknowledged, or waiting to be dead-lettered. This class creates
// their entries, and updates the memory estimate, the store and the totals of the management API.

import { QueueEntry } from './entry.ts';
import type { QueueHost } from './host.ts';
import type { Message } from './message.ts';

export class HeldMessages {
  bytes = 0;
  persistent = 0;
  persistentBytes = 0;
  readonly #queueKey: string;
  readonly #host: Pick<QueueHost<unknown>, 'memory' | 'store'>;
  #nextPosition = 0;

  constructor(queueKey: string, host: Pick<QueueHost<unknown>, 'memory' | 'store'>) {
    this.#queueKey = queueKey;
    this.#host = host;
  }

  hold(message: Message, expiresAt: number | undefined, storeId: number | undefined): QueueEntry {
    this.#host.memory.hold(message);
    this.#count(message, 1);
    return new QueueEntry(message, this.#nextPosition++, expiresAt, storeId);
  }

  /** Removes a message from the queue and from the store. */
  settle(entry: QueueEntry): void {
    this.setAside(entry);
    if (entry.storeId !== undefined) this.#host.store?.settle(entry.storeId, this.#queueKey);
  }

  /** Removes a message from the queue, but not from the store. The next start of the broker recovers it. */
  setAside({ message }: QueueEntry): void {
    this.#host.memory.release(message);
    this.#count(message, -1);
  }

  #count({ bodyLength, persistent }: Message, change: 1 | -1): void {
    this.bytes += change * bodyLength;
    if (!persistent) return;
    this.persistent += change;
    this.persistentBytes += change * bodyLength;
  }
}
