// Ends the process group of a child: SIGTERM first, and SIGKILL after the grace time.

import { type Timer, time } from '../../time.ts';

export interface KillPlan {
  readonly graceMs: number;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
}

export class GroupKiller {
  readonly #pid: number;
  readonly #plan: KillPlan;
  /** Resolves at SIGKILL. `undefined` until the group is stopped. */
  #grace: PromiseWithResolvers<void> | undefined;
  #timer: Timer | undefined;
  #hasEnded = false;
  /** `true` when `finish` is done. The id may then belong to another group. */
  #isFinished = false;

  /** `pid` is the id of the child, which is also the id of its group. */
  constructor(pid: number, plan: KillPlan) {
    this.#pid = pid;
    this.#plan = plan;
  }

  /** Sends SIGTERM to the group, and SIGKILL after the grace time. Does nothing after the child has ended. */
  stop(): void {
    if (this.#grace || this.#hasEnded) return;
    this.#grace = Promise.withResolvers();
    this.#send('SIGTERM');
    this.#timer = time.after(this.#plan.graceMs, () => this.killNow());
  }

  /** Sends SIGKILL to the group. */
  killNow(): void {
    if (this.#isFinished) return;
    this.#grace ??= Promise.withResolvers();
    this.#send('SIGKILL');
    this.#grace.resolve();
  }

  /**
   * Call this after the child has ended. If the group was stopped, waits until the outputs close or the grace time is
   * over, and then kills the remaining processes. Returns `true` if the group was stopped.
   */
  async finish(outputs: readonly { readonly closed: Promise<void> }[]): Promise<boolean> {
    this.#hasEnded = true;
    if (this.#grace) {
      await Promise.race([Promise.all(outputs.map(({ closed }) => closed)), this.#grace.promise]);
      this.#send('SIGKILL');
      this.#timer?.cancel();
    }
    this.#isFinished = true;
    return this.#grace !== undefined;
  }

  #send(signal: NodeJS.Signals): void {
    try {
      this.#plan.kill(-this.#pid, signal);
    } catch {
      // ESRCH: the group no longer exists. EPERM: it changed its user (setuid) and mq may not signal it.
    }
  }
}
