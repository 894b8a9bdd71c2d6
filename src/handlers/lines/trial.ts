// Distinguishes a program that cannot start from a message that crashes it. The trial starts the program again without
// a message and closes its input. A working program then exits with 0.

import type { ChildEnd } from '../process/child-end.ts';
import type { Clock } from './clock.ts';
import { LineProcess, type LineProcessPlan } from './process.ts';

interface LineTrialPlan {
  readonly program: LineProcessPlan;
  readonly clock: Clock;
}

/** Number of processes that a trial starts. All must end in the same way as the process that received the message. */
const trials = 2;
/** Milliseconds before each start, because a temporary problem may be over by then. */
const pauseMs = 100;
/** Milliseconds that a process has to exit after its input is closed. */
const exitMs = 10_000;

export class LineTrial {
  readonly #plan: LineTrialPlan;
  #running: Promise<readonly ChildEnd[]> | undefined;
  /** `true` if the program ignores the end of its input and must be killed. */
  #ignoresEnd = false;

  constructor(plan: LineTrialPlan) {
    this.#plan = plan;
  }

  /** Returns `true` if the program also ends in this way without a message. The message is then not the cause. */
  async failsAlike(end: ChildEnd, givenUp: AbortSignal): Promise<boolean> {
    // A working program exits with 0 at the end of its input, so a trial cannot show whether it is broken.
    if (this.#ignoresEnd || (end.type === 'exit' && end.status === 0)) return false;
    // The processes of a pool often exit together, so they share one trial.
    this.#running ??= this.#run(end, givenUp).finally(() => {
      this.#running = undefined;
    });
    const ends = await this.#running;
    return ends.length === trials && ends.every((one) => isAlike(one, end));
  }

  /** Resolves when no process of a trial is running. */
  async close(): Promise<void> {
    await this.#running;
  }

  async #run(end: ChildEnd, givenUp: AbortSignal): Promise<readonly ChildEnd[]> {
    const ends: ChildEnd[] = [];
    while (ends.length < trials && ends.every((one) => isAlike(one, end))) {
      await this.#plan.clock.pause(pauseMs, givenUp);
      if (givenUp.aborted) break;
      ends.push(await this.#endWithoutMessage(givenUp));
    }
    return ends;
  }

  async #endWithoutMessage(givenUp: AbortSignal): Promise<ChildEnd> {
    const { program, clock } = this.#plan;
    const child = new LineProcess(program);
    const ended = new AbortController();
    child.endInput();
    void clock.pause(exitMs, AbortSignal.any([givenUp, ended.signal])).then(() => {
      if (ended.signal.aborted) return;
      this.#ignoresEnd = !givenUp.aborted;
      void child.stop();
    });
    const end = await child.ended;
    ended.abort();
    return child.wasStopped ? { type: 'stopped' } : end;
  }
}

function isAlike(one: ChildEnd, other: ChildEnd): boolean {
  if (one.type === 'exit' && other.type === 'exit') return one.status === other.status;
  return one.type === 'signal' && other.type === 'signal' && one.signal === other.signal;
}
