// Heartbeats of one connection (AMQP 0-9-1, 4.2.7). They are sent twice per interval. The connection is closed if nothing was
// received for two intervals.

import type { Clock, Timer } from '../../clock.ts';
import { frameTypes, octetsText } from '../../codec/frames.ts';
import { ProtocolError } from '../../protocol-error.ts';

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

/** Throws 505 for a heartbeat on a channel other than 0, and 501 for an unknown frame type or a heartbeat with payload. */
export function assertHeartbeat(type: number, number: number, buffer: Buffer, start: number, end: number): void {
  if (type === frameTypes.heartbeat && number === 0 && start === end) return;
  const text = `type ${type}, ${octetsText(buffer, start, end)}`;
  if (type !== frameTypes.heartbeat || start !== end) throw new ProtocolError('FRAME_ERROR', `${text}: unknown_frame`);
  throw new ProtocolError('UNEXPECTED_FRAME', text);
}
