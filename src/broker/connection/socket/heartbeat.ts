// Heartbeats of one connection (AMQP 0-9-1, 4.2.7): sent at half the interval; the peer is given up after two intervals
// without a sign of life.

import type { Clock, Timer } from '../../clock.ts';

export interface HeartbeatParts {
  /** Whether the peer gave a sign of life since the last call, or cannot give one. */
  readonly isHeard: () => boolean;
  readonly send: () => void;
  readonly giveUp: () => void;
}

export function startHeartbeat(clock: Clock, intervalMs: number, { isHeard, send, giveUp }: HeartbeatParts): Timer {
  let quiet = 0;
  const tick = () => {
    quiet = isHeard() ? 0 : quiet + 1;
    if (quiet >= 4) {
      giveUp();
      return;
    }
    send();
    timer = clock.after(intervalMs / 2, tick);
  };
  let timer = clock.after(intervalMs / 2, tick);
  return { cancel: () => timer.cancel() };
}
