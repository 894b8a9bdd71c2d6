// Handles programs that mq cannot start because its machine lacks file descriptors, processes or memory. The message is
// not the cause, so it waits without using an attempt.

import type { Output } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { type Timer, time } from '../../time.ts';
import { systemReason } from '../reason.ts';
import type { ChildEnd } from './child-end.ts';

const codes = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);
/** Milliseconds before the first new attempt to start. They double with each failure. */
const firstPauseMs = 50;
const longestPauseMs = 1000;
const hint = 'use a smaller --concurrency, or raise the limit (ulimit -n: open files, ulimit -u: processes)';

export class Shortage {
  readonly #command: string;
  readonly #stderr: Output;
  /** The error of the last start that failed. */
  error: MqError | undefined;
  #hasWarned = false;
  #waiting: (() => void)[] = [];
  #timer: Timer | undefined;
  #pauseMs = firstPauseMs;

  constructor(command: string, stderr: Output) {
    this.#command = command;
    this.#stderr = stderr;
  }

  /** Returns the error of a process that did not start for lack of resources. Warns at the first one. */
  errorOf(end: ChildEnd): MqError | undefined {
    if (end.type !== 'not started' || !codes.has(end.error.code ?? '')) return undefined;
    const message = `cannot run ${this.#command}: ${systemReason(end.error)}`;
    if (!this.#hasWarned) this.#stderr.write(`${message}; mq tries again until it starts: ${hint}\n`);
    this.#hasWarned = true;
    this.error = new MqError('SYSTEM', message, { hint, at: this.#command, cause: end.error });
    return this.error;
  }

  /** `true` if a start is waiting. Later starts must wait too, so that they do not overtake it. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Waits for a turn to start. A start that has failed goes first and doubles the pause. Also ends with the signal. */
  async turn(signal: AbortSignal, hasFailed: boolean): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const start = () => resolve();
    if (hasFailed) this.#waiting.unshift(start);
    else this.#waiting.push(start);
    this.#timer ??= time.after(this.#pauseMs, () => this.#nextTurn());
    if (hasFailed) this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
    signal.addEventListener('abort', start);
    await promise;
    signal.removeEventListener('abort', start);
    this.#waiting = this.#waiting.filter((one) => one !== start);
  }

  /** Lets the next start try at once, because a process has ended and its resources are free. */
  freed(): void {
    if (!this.isWaiting) return;
    this.#pauseMs = firstPauseMs;
    this.#nextTurn();
  }

  /** Ends all waits. */
  close(): void {
    this.#timer?.cancel();
    for (const start of this.#waiting.splice(0)) start();
  }

  #nextTurn(): void {
    this.#timer?.cancel();
    this.#waiting.shift()?.();
    this.#timer = this.isWaiting ? time.after(this.#pauseMs, () => this.#nextTurn()) : undefined;
  }
}
