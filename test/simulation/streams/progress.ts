// Follows what one reader of a stream has handled, and checks its order: no gap, and no message twice that it has stored.

interface ProgressOptions {
  /** True if the reader runs one handler at a time, so that the order of the handlers is that of the stream. */
  readonly isSequential: boolean;
  /** True if the reader continues after the offset that it has stored. */
  readonly keepsOffset: boolean;
}

export interface HandledMessage {
  readonly offset: number;
  readonly attempt: number;
  /** True if the message is not handled again in this process. */
  readonly isFinal: boolean;
}

export class Progress {
  /** Offsets of the messages whose handlers have succeeded or dead-lettered them. */
  readonly passed = new Set<number>();
  readonly #options: ProgressOptions;
  /** Offsets that are stored when the messages before them are. */
  readonly #settled = new Set<number>();
  /** The first offset that may be handled again. */
  #stored = 0;
  /** The last offset that this process has begun. */
  #last: number | undefined;
  /** Offsets that this process has passed. */
  #finals = new Set<number>();

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** Begins a new process. */
  begin(): void {
    this.#last = undefined;
    this.#finals = new Set();
  }

  /** Records one run of a handler. Returns a line for each violation. */
  handle({ offset, attempt, isFinal }: HandledMessage): string[] {
    const violations = this.#check(offset, attempt);
    this.#last = offset;
    if (isFinal) {
      this.#finals.add(offset);
      this.passed.add(offset);
    }
    return violations;
  }

  /** Records that the outcome of a message is complete, and that its offset is stored if it can be. */
  settle(offset: number): void {
    if (this.passed.has(offset)) this.#settled.add(offset);
    while (this.#settled.has(this.#stored)) this.#stored += 1;
  }

  /** Records that the next message has begun, so that the outcomes of those before it are complete. */
  settleBefore(offset: number): void {
    if (this.#options.isSequential) for (const each of this.#finals) if (each < offset) this.settle(each);
  }

  /** Records the end of a process that has stored its last offset. */
  end(): void {
    for (const offset of this.#finals) this.settle(offset);
  }

  /** Returns the offsets below `end` that the reader has not passed. */
  missing(end: number): number[] {
    return Array.from({ length: end }, (_, offset) => offset).filter((offset) => !this.passed.has(offset));
  }

  #check(offset: number, attempt: number): string[] {
    const { isSequential, keepsOffset } = this.#options;
    if (this.#finals.has(offset)) return [`handled offset ${offset} twice in one process`];
    if (keepsOffset && offset < this.#stored) return [`handled offset ${offset} again, although it was stored`];
    if (!isSequential || attempt > 1 || offset === this.#last) return [];
    const next = this.#next;
    const isInOrder = this.#last === undefined && keepsOffset ? offset <= next : offset === next;
    return isInOrder ? [] : [`handled offset ${offset} instead of ${next}`];
  }

  /** The offset that the process handles next. The first one of a process that continues can be an earlier one. */
  get #next(): number {
    if (this.#last !== undefined) return this.#last + 1;
    let next = 0;
    while (this.#options.keepsOffset && this.passed.has(next)) next += 1;
    return next;
  }
}
