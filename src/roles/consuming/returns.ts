// Returns messages without an outcome to their queue, and keeps track of those that are still on their way.

import type { Counts } from '../../session/counts.ts';
import { pause } from '../../time.ts';
import type { PendingDelivery } from './delivery-queue.ts';
import type { Failures } from './failures.ts';

/** Milliseconds for publishing the messages that are returned last. */
const lastMs = 1000;

export class Returns {
  readonly #failures: Failures;
  readonly #counts: Counts;
  readonly #publishing = new Map<PendingDelivery, Promise<void>>();

  constructor(failures: Failures, counts: Counts) {
    this.#failures = failures;
    this.#counts = counts;
  }

  /** Resolves when the messages that are being returned now are returned. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#publishing.values());
  }

  async add(pending: PendingDelivery): Promise<void> {
    const work = this.#failures.handBack(pending);
    this.#publishing.set(pending, work);
    await work;
    this.#publishing.delete(pending);
  }

  /** Waits briefly for the pending messages, then returns the others with basic.nack. */
  async end(): Promise<void> {
    const done = new AbortController();
    await Promise.race([this.ended, pause(lastMs, { signal: done.signal })]);
    done.abort();
    for (const { delivery } of this.#publishing.keys()) if (delivery.nack(true)) this.#counts.handedBack += 1;
  }
}
