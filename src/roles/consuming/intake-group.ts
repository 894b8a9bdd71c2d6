// Coordinates the intakes of one role: the handlers they share, the order in which they are served, and the end of the
// role.

import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { Counts } from '../../session/counts.ts';
import { interrupted, stopping } from '../../signal.ts';
import { isBrokenPipe } from '../../terminal/printer.ts';
import { type Timer, time } from '../../time.ts';
import { Pace } from '../pace.ts';
import { EmptyCheck, type Progress } from './empty-check.ts';
import type { ConsumeSettings } from './settings.ts';
import { TurnLimit } from './turn-limit.ts';

/** The group's view of an intake. */
export interface Member extends Progress {
  /** `true` if it has a message that must be handled alone. */
  readonly needsAll: boolean;
  /**
   * Starts its next message. Returns `false` if no message may start while `running` others are being handled. `now` is
   * the time on the monotonic clock.
   */
  begin(running: number, now: number): boolean;
  /** Resolves when the broker has received all acknowledgements sent so far. */
  flush(): Promise<void>;
}

export interface IntakeGroupParts {
  readonly context: Pick<Context, 'stdout' | 'stderr' | 'drain' | 'abandon'>;
  readonly settings: Pick<
    ConsumeSettings,
    | 'concurrency'
    | 'prefetch'
    | 'count'
    | 'idleMs'
    | 'maxTimeMs'
    | 'untilEmpty'
    | 'intervalMs'
    | 'drainMs'
    | 'handler'
    | 'beginDrain'
    | 'warnings'
    | 'say'
  >;
  readonly counts: Counts;
}

export class IntakeGroup {
  /** Aborts when the role stops, at a signal or for another reason. */
  readonly stopped: AbortSignal;
  readonly #parts: IntakeGroupParts;
  readonly #members: Member[] = [];
  /** Members whose consumer is being set up again. */
  readonly #lost = new Set<Member>();
  readonly #pace: Pace;
  readonly #emptyCheck: EmptyCheck;
  readonly #turn = new TurnLimit(() => this.fill());
  readonly #ended = Promise.withResolvers<void>();
  readonly #giveUp = new AbortController();
  readonly #stopped = new AbortController();
  /** Index of the member to serve first. */
  #first = 0;
  #started = 0;
  #isOpen = false;
  #isFilling = false;
  #isStopping = false;
  #failure: { readonly error: unknown } | undefined;
  #paceTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #maxTimer: Timer | undefined;

  constructor(parts: IntakeGroupParts) {
    this.#parts = parts;
    this.stopped = AbortSignal.any([parts.context.drain, this.#stopped.signal]);
    this.#pace = new Pace(parts.settings.intervalMs);
    this.#emptyCheck = new EmptyCheck({
      members: this.#members,
      isStopping: () => this.#isStopping,
      onEnd: () => this.stop(),
      onLast: () => parts.settings.handler.expectMore?.(false),
    });
  }

  join(member: Member): void {
    this.#members.push(member);
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** `true` if the role ends with the single message that is in a handler. */
  get isAtLast(): boolean {
    return this.#started >= (this.#parts.settings.count ?? Number.POSITIVE_INFINITY) && this.#running === 1;
  }

  /** Resolves when the role should stop. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Aborts when the handlers' time is over. */
  get giveUp(): AbortSignal {
    return this.#giveUp.signal;
  }

  /**
   * Runs all intakes. When one ends, all end. Then calls `close`, whose failure also counts.
   * @throws the first failure
   */
  async run(
    intakes: readonly { run(): Promise<void> }[],
    close: () => Promise<unknown> = async () => undefined,
  ): Promise<void> {
    const { context } = this.#parts;
    try {
      if (context.drain.aborted) return;
      await this.#runAll(intakes);
    } finally {
      await close();
    }
    if (this.#failure) throw this.#failure.error;
    // Without a signal, --max-time has ended the role.
    if (context.abandon.aborted && context.drain.aborted) throw interrupted(context, 'unfinished work was handed back');
  }

  async #runAll(intakes: readonly { run(): Promise<void> }[]): Promise<void> {
    const { context } = this.#parts;
    const stop = () => this.#stopAtSignal();
    const abandon = () => this.#giveUp.abort();
    context.stdout.once('error', (error: Error) => this.#onStdoutError(error));
    context.drain.addEventListener('abort', stop, { once: true });
    context.abandon.addEventListener('abort', abandon, { once: true });
    try {
      await Promise.all(intakes.map((intake) => intake.run().catch((error: unknown) => this.fail(error))));
    } finally {
      this.#idleTimer?.cancel();
      this.#maxTimer?.cancel();
      this.#paceTimer?.cancel();
      this.#emptyCheck.close();
      context.drain.removeEventListener('abort', stop);
      context.abandon.removeEventListener('abort', abandon);
    }
  }

  /** Call this when the broker has accepted the first consumer of the role. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const { maxTimeMs, warnings, say } = this.#parts.settings;
    for (const message of warnings) say({ level: 'warn', event: 'no-dead-letters', message });
    if (maxTimeMs !== undefined) this.#maxTimer = time.after(maxTimeMs, () => this.#expire());
  }

  /** Call this when a message has arrived from the broker. */
  arrived(): void {
    this.#emptyCheck.arrived();
    if (!this.#isStopping) this.#idleTimer?.cancel();
  }

  /** Starts as many messages as may be handled now, one of each intake in turn. */
  fill(): void {
    // A handler that returns at once ends its message during the loop, and this calls `fill` again.
    if (this.#isFilling) return;
    this.#isFilling = true;
    try {
      while (this.#fillOne());
    } finally {
      this.#isFilling = false;
    }
    this.tally();
    this.#expect();
  }

  /** Starts a message. Returns `false` if none may start now. */
  #fillOne(): boolean {
    const { concurrency, count = Number.POSITIVE_INFINITY } = this.#parts.settings;
    if (this.#isStopping || this.#running >= concurrency || this.#started >= count) return false;
    const { waitMs } = this.#pace;
    if (waitMs > 0) {
      this.#fillAfter(waitMs);
      return false;
    }
    const now = time.now();
    if (this.#turn.isOver(now) && this.#mayPause) {
      this.#turn.pause();
      return false;
    }
    this.#started += 1; // the message may end before `#beginNext` returns
    if (!this.#beginNext(now)) {
      this.#started -= 1;
      return false;
    }
    this.#pace.begin(now);
    return true;
  }

  /**
   * `false` if messages arrive without a limit (no-ack). They are then handled as fast as they are read, because they
   * would otherwise accumulate in memory.
   */
  get #mayPause(): boolean {
    const { prefetch } = this.#parts.settings;
    return this.#members.every(({ waiting }) => waiting <= prefetch);
  }

  /** Resolves when the broker has received all acknowledgements of the role sent so far. */
  async flush(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.flush()));
  }

  /** Counts a message that is settled without waiting for its turn. */
  count(): void {
    this.#started += 1;
  }

  /** Reverts the count of a message for --count, because it is delivered again or no handler received it. */
  uncount(): void {
    this.#started -= 1;
  }

  /** Updates the counter of messages in handlers. */
  tally(): void {
    this.#parts.counts.inFlight = this.#running;
  }

  /** Call this when a handler has ended and its intake has released the message. */
  handled(): void {
    this.#turn.ended();
    const { context, settings } = this.#parts;
    this.tally();
    if (context.abandon.aborted) return;
    if (this.#started >= (settings.count ?? Number.POSITIVE_INFINITY) && this.#running === 0) this.stop();
    this.fill();
    this.rest();
  }

  /** Call this when the broker no longer delivers to a member. That time does not count for --idle. */
  lost(member: Member): void {
    this.#lost.add(member);
    this.#idleTimer?.cancel();
  }

  /** Call this when the broker delivers to a member again, or when the member stands by. */
  resumed(member: Member): void {
    if (this.#lost.delete(member)) this.rest();
  }

  /** If no intake has a message, starts the idle timer and checks whether the queues are empty. */
  rest(): void {
    if (this.#isStopping || !this.#isAtRest) return;
    const { idleMs, untilEmpty } = this.#parts.settings;
    if (idleMs !== undefined && this.#lost.size === 0) {
      this.#idleTimer?.cancel();
      this.#idleTimer = time.after(idleMs, () => this.stop());
    }
    if (untilEmpty) void this.#emptyCheck.ask();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    if (!this.#isStopping) this.#parts.settings.beginDrain();
    this.stop();
  }

  stop(): void {
    this.#isStopping = true;
    this.#expect();
    this.#stopped.abort();
    this.#ended.resolve();
  }

  get #running(): number {
    let sum = 0;
    for (const { running } of this.#members) sum += running;
    return sum;
  }

  get #isAtRest(): boolean {
    for (const { isAtRest } of this.#members) if (!isAtRest) return false;
    return true;
  }

  /** Starts a message of the next intake after the one served last. */
  #beginNext(now: number): boolean {
    const running = this.#running;
    const isExclusive = this.#members.some(({ needsAll }) => needsAll);
    const { length } = this.#members;
    for (let offset = 0; offset < length; offset += 1) {
      const index = (this.#first + offset) % length;
      const member = this.#members[index];
      if (!member || (isExclusive && !member.needsAll) || !member.begin(running, now)) continue;
      this.#first = (index + 1) % length;
      return true;
    }
    return false;
  }

  #fillAfter(waitMs: number): void {
    this.#paceTimer ??= time.after(waitMs, () => {
      this.#paceTimer = undefined;
      this.fill();
    });
  }

  /** Reports to a batching handler whether more messages can arrive. */
  #expect(): void {
    const { handler, count = Number.POSITIVE_INFINITY, untilEmpty } = this.#parts.settings;
    if (!handler.expectMore) return;
    const isAlone = this.#members.some(({ needsAll }) => needsAll);
    handler.expectMore(!(this.#isStopping || this.#emptyCheck.isEmpty || isAlone || this.#started >= count));
    if (untilEmpty && !this.#isStopping) this.#emptyCheck.askSoon();
  }

  #onStdoutError(error: Error): void {
    if (isBrokenPipe(error)) this.stop();
    else this.fail(new MqError('IO', `cannot write to stdout: ${error.message}`, { cause: error }));
  }

  /** Stops the role at the end of --max-time. */
  #expire(): void {
    if (this.#isStopping) return;
    this.#parts.settings.beginDrain();
    this.stop();
  }

  #stopAtSignal(): void {
    const { settings, context } = this.#parts;
    const running = this.#running;
    if (running > 0 && !this.#isStopping)
      settings.say(stopping(running, { drainMs: settings.drainMs, isTerminal: context.stderr.isTTY ?? false }));
    this.stop();
  }
}
