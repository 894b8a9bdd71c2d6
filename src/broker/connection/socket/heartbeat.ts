// Heartbeats of one connection (AMQP 0-9-1, 4.2.7). They are sent at half the interval, and the peer is given up after two
// intervals in which nothing was received.

import type { Clock, Timer } from '../../clock.ts';

interface HeartbeatParts {
  /** Returns true if anything was received since the last call, or if the broker has stopped reading. */
  readonly isHeard: () => boolean;
  readonly send: () => void;
  readonly giveUp: () => void;
}

/** Returns a timer whose `cancel` ends the heartbeats. */
export function startHeartbeat(clock: Clock, intervalMs: number, { isHeard, send, giveUp }: HeartbeatParts): Timer {
  let silentTicks = 0;
  const tick = () => {
    silentTicks = isHeard() ? 0 : silentTicks + 1;
    if (silentTicks >= 4) {
      giveUp();
      return;
    }
    send();
    timer = clock.after(intervalMs / 2, tick);
  };
  let timer = clock.after(intervalMs / 2, tick);
  return { cancel: () => timer.cancel() };
}
