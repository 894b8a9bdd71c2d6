// Collects the handled messages whose bodies are printed with one write, so that they share one promise.

import type { PendingDelivery } from './delivery-queue.ts';

interface Batch {
  /** Resolves when everything of this batch is written. */
  readonly printed: Promise<void>;
  readonly messages: PendingDelivery[];
  /** Resolves when all messages of this batch are settled. */
  readonly end: Promise<unknown>;
}

interface PrintBatchesParts {
  readonly onPrinted: (pending: PendingDelivery) => void;
  /** Called if the write failed. */
  readonly onFailed: (pending: PendingDelivery, error: unknown) => Promise<void>;
}

export class PrintBatches {
  readonly #parts: PrintBatchesParts;
  #last: Batch | undefined;

  constructor(parts: PrintBatchesParts) {
    this.#parts = parts;
  }

  /** Adds a message. `printed` is the promise of the printer. Resolves when the message is settled. */
  add(pending: PendingDelivery, printed: Promise<void>): Promise<unknown> {
    if (this.#last?.printed !== printed) this.#last = this.#batch(printed);
    this.#last.messages.push(pending);
    return this.#last.end;
  }

  #batch(printed: Promise<void>): Batch {
    const { onPrinted, onFailed } = this.#parts;
    const messages: PendingDelivery[] = [];
    const end = printed.then(
      () => {
        for (const pending of messages) onPrinted(pending);
      },
      (error: unknown) => Promise.all(messages.map((pending) => onFailed(pending, error))),
    );
    return { printed, messages, end };
  }
}
