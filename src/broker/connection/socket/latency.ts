// Simulates a slow network: calls the writes of one connection later, and in their order.

import type { Clock } from '../../clock.ts';
import type { Client, Interference } from '../../interference.ts';

interface LatencyParts {
  readonly clock: Clock;
  readonly interference: Interference | undefined;
}

export class Latency {
  readonly #clock: Clock;
  readonly #delayMs: () => number;
  readonly #waiting: (() => void)[] = [];
  #lastDue = 0;

  /** Returns the latency of a connection. `undefined` if no faults are simulated. */
  static of({ clock, interference }: LatencyParts, client: Client): Latency | undefined {
    return interference && new Latency(clock, () => interference.latencyMs(client));
  }

  /** `delayMs` returns the delay of the next write in milliseconds. */
  constructor(clock: Clock, delayMs: () => number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** Calls `write` after the delay, and after all earlier writes. */
  send(write: () => void): void {
    const delayMs = this.#delayMs();
    if (delayMs === 0 && this.#waiting.length === 0) {
      write();
      return;
    }
    const now = this.#clock.now();
    this.#lastDue = Math.max(now + delayMs, this.#lastDue);
    this.#waiting.push(write);
    // Each timer calls the oldest write, so that timers that fire in another order do not change the order of the writes.
    this.#clock.after(this.#lastDue - now, () => this.#waiting.shift()?.());
  }
}
