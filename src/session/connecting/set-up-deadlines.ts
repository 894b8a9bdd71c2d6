// Limits the time in which Rascal connects and declares. Rascal itself has no such limit.

import { MqError } from '../../errors.ts';
import { type Timer, time } from '../../time.ts';
import { answerMs } from '../patches/sockets.ts';

type Callback = (error?: Error | null) => void;

/**
 * Returns the time limit of a set-up in milliseconds: `answerMs` for each address, because any of them may not answer,
 * and `answerMs` for the declarations.
 */
export function setUpMs(addresses: number): number {
  return answerMs * (addresses + 1);
}

export function setUpTimeout(addresses: number): MqError {
  return new MqError('UNAVAILABLE', `the connection was not set up in ${setUpMs(addresses) / 1000} s`);
}

export class SetUpDeadlines {
  readonly #breakOff: (error: MqError) => void;
  readonly #timers = new Set<Timer>();

  /** `breakOff` destroys the sockets of a set-up that exceeds its time limit. */
  constructor(breakOff: (error: MqError) => void) {
    this.#breakOff = breakOff;
  }

  /**
   * Returns a callback for one set-up by Rascal. After the time limit it calls `next` with an error, and Rascal starts
   * another set-up.
   */
  limit(next: Callback, addresses: number): Callback {
    const error = setUpTimeout(addresses);
    const timer = time.after(setUpMs(addresses), () => {
      this.#breakOff(error);
      time.nextTurn(() => end(error)); // does nothing if the broken connection has already ended the set-up
    });
    this.#timers.add(timer);
    const end: Callback = (failure) => {
      timer.cancel();
      if (this.#timers.delete(timer)) next(failure);
    };
    return end;
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
  }
}
