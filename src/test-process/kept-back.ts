// The messages that chaos keeps back, at most one for each queue, until later messages have overtaken them.

import { type Timer, time } from '../time.ts';

interface Kept {
  /** Number of later messages that still have to be delivered. */
  successors: number;
  readonly putBack: () => void;
  readonly timer: Timer;
}

/** Without successors, a message returns to its queue after this many milliseconds. */
const longestMs = 100;

export class KeptBack {
  readonly #byQueue = new Map<string, Kept>();

  has(queue: string): boolean {
    return this.#byQueue.has(queue);
  }

  /** Keeps a message until `successors` later messages of its queue were delivered. */
  keep(queue: string, successors: number, putBack: () => void): void {
    const timer = time.after(longestMs, () => this.#putBack(queue));
    this.#byQueue.set(queue, { successors, putBack, timer });
  }

  /** Records that the queue is delivering a later message. */
  delivered(queue: string): void {
    const kept = this.#byQueue.get(queue);
    if (kept === undefined || --kept.successors > 0) return;
    // The delivery has not ended yet, and the message must come after it.
    if (kept.successors === 0) queueMicrotask(() => this.#putBack(queue));
  }

  /** Returns all messages to their queues, and their number. */
  release(): number {
    const queues = [...this.#byQueue.keys()];
    for (const queue of queues) this.#putBack(queue);
    return queues.length;
  }

  #putBack(queue: string): void {
    const kept = this.#byQueue.get(queue);
    if (kept === undefined) return;
    kept.timer.cancel();
    this.#byQueue.delete(queue);
    kept.putBack();
  }
}
