// Ends the process group of a child: SIGTERM first, and SIGKILL after the grace time.

export interface KillPlan {
  /** When this signal aborts, the group receives SIGTERM, and SIGKILL after `graceMs`. */
  readonly signal: AbortSignal;
  /** When this signal aborts, the group receives SIGKILL at once. */
  readonly killNow: AbortSignal;
  readonly graceMs: number;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
}

export class GroupKiller {
  readonly #pid: number;
  readonly #plan: KillPlan;
  readonly #stop = () => this.#stopGroup();
  readonly #killNow = () => this.#killGroup();
  /** Resolves at SIGKILL. `undefined` until the group is stopped. */
  #grace: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `pid` is the id of the child, which is also the id of its group. */
  constructor(pid: number, plan: KillPlan) {
    this.#pid = pid;
    this.#plan = plan;
    const { signal, killNow } = plan;
    signal.addEventListener('abort', this.#stop, { once: true });
    killNow.addEventListener('abort', this.#killNow, { once: true });
    if (signal.aborted) this.#stopGroup();
    if (killNow.aborted) this.#killGroup();
  }

  /**
   * Call this after the child has ended. If the group was stopped, waits until the output closes or the grace time is
   * over, and then kills the remaining processes. Returns `true` if the group was stopped.
   */
  async finish(closed: Promise<unknown>): Promise<boolean> {
    const { signal, killNow } = this.#plan;
    signal.removeEventListener('abort', this.#stop);
    if (this.#grace) {
      await Promise.race([closed, this.#grace.promise]);
      this.#send('SIGKILL');
    }
    clearTimeout(this.#timer);
    killNow.removeEventListener('abort', this.#killNow);
    return this.#grace !== undefined;
  }

  #stopGroup(): void {
    if (this.#grace) return;
    this.#grace = Promise.withResolvers();
    this.#send('SIGTERM');
    this.#timer = setTimeout(this.#killNow, this.#plan.graceMs);
  }

  #killGroup(): void {
    this.#grace ??= Promise.withResolvers();
    this.#send('SIGKILL');
    this.#grace.resolve();
  }

  #send(signal: NodeJS.Signals): void {
    try {
      this.#plan.kill(-this.#pid, signal);
    } catch {
      // ESRCH: the group no longer exists. EPERM: it changed its user (setuid) and mq may not signal it.
    }
  }
}
