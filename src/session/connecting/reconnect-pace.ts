// Computes the pause before a reconnect. Rascal reconnects at once, even after a very short connection.

import { time } from '../../time.ts';

/** A connection that lasts at least this long (one heartbeat interval) is healthy. */
const healthyMs = 10_000;
/**
 * Unit of the maximum pause, in milliseconds. The maximum is twice this after the first unhealthy connection, and
 * doubles after each further one.
 */
const basePauseMs = 125;
/**
 * Longest pause. It is short enough to restore a connection quickly, and long enough to save CPU time if the broker
 * closes each connection at once.
 */
const longestPauseMs = 1_000;

export class ReconnectPace {
  #connectedAt = time.now();
  /** Number of consecutive connections that were lost before they were healthy. */
  #shortLived = 0;

  connected(): void {
    this.#connectedAt = time.now();
  }

  /** Records the loss of a connection that was set up. */
  lost(): void {
    const isHealthy = time.now() - this.#connectedAt >= healthyMs;
    this.#shortLived = isHealthy ? 0 : this.#shortLived + 1;
  }

  /** Returns a random pause in milliseconds. 0 after a healthy connection. */
  pauseMs(): number {
    if (this.#shortLived === 0) return 0;
    return time.random() * Math.min(longestPauseMs, basePauseMs * 2 ** this.#shortLived);
  }
}
