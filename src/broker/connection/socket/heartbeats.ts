// Heartbeats of one connection (AMQP 0-9-1, 4.2.7). They are sent twice per interval. The connection is closed if nothing was
// received for two intervals.

import type { Clock, Timer } from '../../clock.ts';

interface HeartbeatsParts {
  readonly clock: Clock;
  /** Returns true while the broker does not read, because it then cannot know whether the client is alive. */
  readonly isReadingPaused: () => boolean;
  readonly send: () => void;
  /** Called when the client has been silent for two intervals. */
  readonly onTimeout: () => void;
}

export class Heartbeats {
  readonly #parts: HeartbeatsParts;
  #timer: Timer | undefined;
  #hasReceived = true;
  #silentTicks = 0;

  constructor(parts: HeartbeatsParts) {
    this.#parts = parts;
  }

  start(intervalMs: number): void {
    this.#timer = this.#parts.clock.after(intervalMs / 2, () => this.#tick(intervalMs));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Records that the client has sent something. */
  received(): void {
    this.#hasReceived = true;
  }

  #tick(intervalMs: number): void {
    const isAlive = this.#hasReceived || this.#parts.isReadingPaused();
    this.#hasReceived = false;
    this.#silentTicks = isAlive ? 0 : this.#silentTicks + 1;
    if (this.#silentTicks >= 4) {
      this.#parts.onTimeout();
      return;
    }
    this.#parts.send();
    this.start(intervalMs);
  }
}
