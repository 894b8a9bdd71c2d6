// Collects the objects that must be flushed at the end of this turn of the event loop.

import { type Timer, time } from '../../time.ts';

export interface Flushable {
  flush(): void;
}

export class EndOfTick {
  #waiting: Flushable[] = [];
  #immediate: Timer | undefined;

  /** Calls `flush` after all data that sockets can read in this turn has been read. */
  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    this.#immediate ??= time.nextTurn(() => this.#flushAll());
  }

  #flushAll(): void {
    this.#immediate = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const flushable of waiting) flushable.flush();
  }
}
