// Sends the messages of one producer. In an open schedule each message has its time, and a message that is sent later
// keeps this time as the start of its latency. In a closed loop a message is sent when the window has room.

import { pause, time } from '../time.ts';
import type { Load } from './load.ts';
import type { Recorder } from './recorder.ts';

/** Sends the messages of one producer. */
export interface Sender {
  readonly hasRoom: boolean;
  /** Resolves when there is room, or when nothing more can be sent. */
  room(): Promise<void>;
  send(number: number, intendedMs: number): void;
}

/** Ends the sending of all producers at the end of the measurement. */
export class Budget {
  readonly #startMs: number;
  readonly #endMs: number;
  #left: number;

  /** @param startMs start of the measurement, on the monotonic clock */
  constructor({ durationMs, count }: Pick<Load, 'durationMs' | 'count'>, startMs: number) {
    this.#startMs = startMs;
    this.#endMs = durationMs === undefined ? Number.POSITIVE_INFINITY : startMs + durationMs;
    this.#left = count ?? Number.POSITIVE_INFINITY;
  }

  /** Reports whether a message with this intended time is sent. */
  accepts(intendedMs: number): boolean {
    if (intendedMs >= this.#endMs || this.#left === 0) return false;
    if (intendedMs >= this.#startMs) this.#left -= 1;
    return true;
  }
}

interface Schedule {
  readonly sender: Sender;
  readonly recorder: Recorder;
  readonly budget: Budget;
  /** Start of the warm-up, on the monotonic clock. */
  readonly startMs: number;
  /** Milliseconds between two messages of this producer. `undefined` means a closed loop. */
  readonly intervalMs: number | undefined;
  /** Milliseconds from the start to the first message. */
  readonly offsetMs: number;
  readonly stop: AbortSignal;
}

/** Resolves with the number of sent messages, at the end of the budget or at the signal. */
export async function sendAll({ intervalMs, ...schedule }: Schedule): Promise<number> {
  const { sender, recorder, budget, startMs, offsetMs, stop } = schedule;
  // A listener, because reading `aborted` costs as much as encoding a message.
  let isStopped = stop.aborted;
  stop.addEventListener('abort', () => {
    isStopped = true;
  });
  let hasWaited = false;
  for (let number = 0; ; number += 1) {
    const intendedMs = intervalMs === undefined ? time.now() : startMs + offsetMs + number * intervalMs;
    if (intervalMs !== undefined) {
      const waitMs = intendedMs - time.now();
      if (waitMs > 0) {
        hasWaited = false;
        await pause(waitMs, { signal: stop });
      }
    }
    if (!sender.hasRoom) {
      hasWaited = true;
      await sender.room();
    }
    const sendMs = intervalMs === undefined ? time.now() : intendedMs;
    if (isStopped || !budget.accepts(sendMs)) return number;
    recorder.sent(sendMs, !hasWaited);
    sender.send(number, sendMs);
  }
}
