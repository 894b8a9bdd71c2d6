// Manages the processes of --exec-lines. Each process handles one request at a time. If it exits, answers incorrectly
// or is late, the messages of the request use one attempt, and a new process replaces it after a pause.

import type { RecycleLimit } from '../../config/size.ts';
import { escaped, MqError } from '../../errors.ts';
import { cannotRun } from '../executable.ts';
import type { HandlerContext, Outcome } from '../handler.ts';
import { type ChildEnd, endText, terminated } from '../process/child-end.ts';
import { Shortage } from '../process/shortage.ts';
import { handBack, ofBatch, repeated } from '../safely.ts';
import { type Clock, systemClock } from './clock.ts';
import { Deadline } from './deadline.ts';
import { type LineOutcome, LineProcess, type LineProcessPlan } from './process.ts';
import { type LineRequest, unguessableId } from './request.ts';
import { LineTrial } from './trial.ts';

export interface LinePoolPlan {
  /** Maximum number of processes. */
  readonly processes: number;
  /** Time limit for an answer, in milliseconds. `undefined` means no limit. */
  readonly timeoutMs: number | undefined;
  /** Limit after which a process is replaced. `undefined` means no limit. */
  readonly recycleAfter?: RecycleLimit | undefined;
  /** If no answer has arrived after this time in milliseconds, mq logs once what to check. Default 10,000. */
  readonly noticeMs?: number;
  /** Returns the milliseconds before a restart, after this many exits without an answer. Default `restartPause`. */
  readonly pauseMs?: (exits: number) => number;
  readonly clock?: Clock;
}

/** Milliseconds that the first process must run before mq receives messages. A broken program exits earlier. */
const startCheckMs = 250;
/** If a program fails this often and has never answered, mq regards it as broken and ends the role. */
const mostFailures = 3;
/** Maximum number of faults of one answer that are logged. */
const mostFaults = 3;

const protocolHint =
  'it must read lines from standard input until the end of input, and answer each with one line of JSON';
const startHint = 'its output above names the reason; the message went back to its queue';

interface Slot {
  program: LineProcess | undefined;
  isBusy: boolean;
  /** Time limit of the process. `undefined` means no limit. */
  deadline: Deadline | undefined;
  /** The request that the process is handling. */
  pending: { readonly givenUp: AbortSignal; readonly giveUp: () => void } | undefined;
  /** Number of times that a process has exited since the last answer. */
  exits: number;
  /** Time at which the next process may start. */
  readyAt: number;
  /** Number of messages that this process has handled. */
  messages: number;
  /** `true` if this process has answered. */
  hasAnswered: boolean;
}

interface Asking {
  readonly request: LineRequest;
  /** Aborts when the request must be given up. */
  readonly givenUp: AbortSignal;
}

interface Asked extends Asking {
  readonly slot: Slot;
  readonly program: LineProcess;
}

type Response = LineOutcome | { readonly type: 'late' } | { readonly type: 'given up' };

export class LinePool {
  readonly #plan: LinePoolPlan;
  readonly #program: LineProcessPlan;
  readonly #slots: Slot[];
  readonly #clock: Clock;
  readonly #trial: LineTrial;
  readonly #shortage: Shortage;
  /** Time of the first start that failed for lack of resources since the last answer. */
  #shortSince: number | undefined;
  readonly #closing = new AbortController();
  /** The signal of the last request, and the signal that `#givenUpWith` made of it. */
  #watched: { readonly signal: AbortSignal; readonly givenUp: AbortSignal } | undefined;
  /** Recycled processes that have not exited yet. */
  readonly #leaving = new Set<Promise<void>>();
  #waiting: (() => void)[] = [];
  #hasAnswered = false;
  #hasNoticed = false;
  /** Number of failures before the first answer of the program. */
  #failures = 0;

  constructor(plan: LinePoolPlan, program: LineProcessPlan) {
    this.#plan = plan;
    this.#program = program;
    this.#clock = plan.clock ?? systemClock;
    this.#trial = new LineTrial({ program, clock: this.#clock });
    this.#shortage = new Shortage(program.command, program.stderr);
    this.#slots = Array.from({ length: plan.processes }, () => newSlot());
  }

  /**
   * Starts the first process and checks that it keeps running.
   * @throws {MqError} SYSTEM if it exits at once.
   */
  async checkStart(): Promise<void> {
    const [slot] = this.#slots;
    if (!slot) return;
    const program = this.#start(slot);
    const checked = new AbortController();
    const end = await Promise.race([program.ended, this.#clock.pause(startCheckMs, checked.signal)]);
    checked.abort();
    if (program.refusal !== undefined) {
      await program.stop();
      throw this.#brokenError(`before its first message it printed ${program.refusal}`);
    }
    if (end) throw this.#brokenError(`it ended before it received a message (${endText(end)})`);
  }

  /** Returns one outcome for each message of the request. */
  handle(request: LineRequest, { signal }: HandlerContext): Promise<readonly Outcome[]> {
    const givenUp = this.#givenUpWith(signal);
    const slot = givenUp.aborted ? undefined : this.#readySlot();
    return slot?.program
      ? this.#handleIn(slot, slot.program, { request, givenUp })
      : this.#handleLater(request, givenUp);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#trial.close(), ...this.#leaving, ...this.#slots.map(({ program }) => program?.close())]);
  }

  /** Returns a signal that also aborts when the pool closes. All messages share it. */
  #givenUpWith(signal: AbortSignal): AbortSignal {
    if (signal !== this.#watched?.signal) {
      const givenUp = AbortSignal.any([signal, this.#closing.signal]);
      this.#watched = { signal, givenUp };
      givenUp.addEventListener('abort', () => {
        for (const resume of this.#waiting.splice(0)) resume();
        for (const { pending } of this.#slots) if (pending?.givenUp === givenUp) pending.giveUp();
      });
    }
    return this.#watched.givenUp;
  }

  /** Reserves a slot whose process is running. */
  #readySlot(): Slot | undefined {
    const slot = this.#slots.find(({ isBusy, program }) => !isBusy && program?.isAlive);
    if (slot) slot.isBusy = true;
    return slot;
  }

  /** Reserves a slot whose process is running or may start now. Returns `undefined` if the request is aborted. */
  async #free(givenUp: AbortSignal): Promise<Slot | undefined> {
    while (!givenUp.aborted) {
      const slot = this.#slots.filter(({ isBusy }) => !isBusy).sort((a, b) => readiness(a) - readiness(b))[0];
      const isReady = slot?.program?.isAlive || (await this.#released(slot && slot.readyAt - this.#clock.now()));
      if (slot && isReady && !slot.isBusy && !givenUp.aborted) {
        slot.isBusy = true;
        return slot;
      }
    }
    return undefined;
  }

  /** Waits until the pause is over, a slot is released, or the request is aborted. Returns `true` after the pause. */
  async #released(pauseMs: number | undefined): Promise<boolean> {
    const released = new AbortController();
    const resume = () => released.abort();
    this.#waiting.push(resume);
    if (pauseMs !== undefined) await this.#clock.pause(pauseMs, released.signal);
    else await new Promise((resolve) => released.signal.addEventListener('abort', resolve));
    this.#waiting = this.#waiting.filter((one) => one !== resume);
    return !released.signal.aborted;
  }

  async #handleLater(request: LineRequest, givenUp: AbortSignal): Promise<readonly Outcome[]> {
    for (;;) {
      const slot = await this.#free(givenUp);
      if (!slot) return repeated(handBack, request.size);
      const program = slot.program?.isAlive ? slot.program : this.#start(slot);
      if (program.hasStarted) return this.#handleIn(slot, program, { request, givenUp });
      const stop = this.#afterNoStart(await program.ended);
      this.#release(slot);
      if (stop) return repeated(stop, request.size);
    }
  }

  /** Returns the outcome that ends the role, or `undefined` if mq must wait because it has too few resources. */
  #afterNoStart(end: ChildEnd): Outcome | undefined {
    const error = this.#shortage.errorOf(end);
    if (!error) return { type: 'stop', error: this.#brokenError(`it cannot be started (${endText(end)})`) };
    this.#shortSince ??= this.#clock.now();
    const isLate = this.#clock.now() - this.#shortSince >= (this.#plan.timeoutMs ?? Number.POSITIVE_INFINITY);
    return isLate ? { type: 'stop', error } : undefined;
  }

  async #handleIn(slot: Slot, program: LineProcess, { request, givenUp }: Asking): Promise<readonly Outcome[]> {
    try {
      const id = unguessableId();
      program.reportTo(request.openStderr ?? (() => this.#program.stderr));
      const response = await this.#responseOf(slot, program, { line: request.line(id), givenUp });
      if (response.type !== 'object')
        return repeated(await this.#outcomeWithout(response, { slot, program, request, givenUp }), request.size);
      const answer = request.read(response.value, id);
      if (typeof answer === 'string')
        return repeated(await this.#afterFault(slot, request, `an invalid answer: ${answer}`), request.size);
      slot.exits = 0;
      slot.hasAnswered = true;
      this.#hasAnswered = true;
      this.#shortSince = undefined;
      this.#reportFaults(answer.faults, request.size);
      return answer.outcomes;
    } finally {
      // The outcome is returned at once. If the process is recycled, its slot becomes free after its exit.
      const recycled = this.#recycle(slot, request.size);
      if (recycled !== undefined) void recycled.then(() => this.#release(slot));
      else this.#release(slot);
    }
  }

  #release(slot: Slot): void {
    slot.isBusy = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  #responseOf(
    slot: Slot,
    program: LineProcess,
    { line, givenUp }: { line: string | Buffer; givenUp: AbortSignal },
  ): Promise<Response> {
    const notice = this.#hasAnswered || this.#hasNoticed ? undefined : new AbortController();
    if (notice) void this.#notice(program, notice.signal);
    return new Promise((resolve) => {
      const end = (response: Response) => {
        slot.pending = undefined;
        slot.deadline?.clear();
        notice?.abort();
        resolve(response);
      };
      if (givenUp.aborted) return end({ type: 'given up' });
      slot.pending = { givenUp, giveUp: () => end({ type: 'given up' }) };
      slot.deadline?.start(() => end({ type: 'late' }));
      program.ask(line, end);
    });
  }

  /** Returns the outcome of the messages of a request that has no answer. */
  async #outcomeWithout(response: Exclude<Response, { readonly type: 'object' }>, asked: Asked): Promise<Outcome> {
    const { slot, program, request, givenUp } = asked;
    switch (response.type) {
      case 'invalid':
        return this.#afterFault(slot, request, `no answer: ${response.reason}`);
      case 'late':
        await program.stop();
        return { type: 'retry', reason: `the handler did not end within ${(this.#plan.timeoutMs ?? 0) / 1000} s` };
      case 'given up':
        await program.stop();
        return handBack;
      case 'ended':
        return this.#afterEnd(response.end, slot, { size: request.size, givenUp });
    }
  }

  /** Ends a process that has handled enough messages or uses too much memory. The next one starts when it is needed. */
  #recycle(slot: Slot, size: number): Promise<void> | undefined {
    const limit = this.#plan.recycleAfter;
    const { program } = slot;
    slot.messages += size;
    if (!limit || !program?.isAlive) return undefined;
    const isDue = 'messages' in limit ? slot.messages >= limit.messages : program.residentBytes > limit.bytes;
    if (!isDue) return undefined;
    slot.program = undefined;
    const closed = program.close();
    this.#leaving.add(closed);
    return closed.finally(() => this.#leaving.delete(closed));
  }

  /** Logs once what to check if the program does not answer. The usual cause is that it buffers its output. */
  async #notice(program: LineProcess, settled: AbortSignal): Promise<void> {
    const { noticeMs = 10_000 } = this.#plan;
    await this.#clock.pause(noticeMs, settled);
    if (settled.aborted || this.#hasNoticed) return;
    this.#hasNoticed = true;
    const { command, stderr } = this.#program;
    const what = program.unfinished > 0 ? `${program.unfinished} bytes without a newline` : 'nothing';
    const check =
      'it must end each answer with a newline and flush its output (Python: flush=True; C: fflush; Perl: $| = 1)';
    stderr.write(`${command}: no answer within ${noticeMs / 1000} s, stdout received: ${what}: ${check}\n`);
  }

  #reportFaults(faults: readonly string[], size: number): void {
    if (faults.length === 0) return;
    const { command, stderr } = this.#program;
    const more = faults.length > mostFaults ? `, and ${faults.length - mostFaults} more` : '';
    const list = faults.slice(0, mostFaults).join(', ');
    stderr.write(`${escaped(`${command}: the answer to a batch of ${size} messages has ${list}${more}`)}\n`);
  }

  /** Stops the process, because its next output could belong to an earlier message. A new process replaces it. */
  async #afterFault(slot: Slot, { size }: LineRequest, reason: string): Promise<Outcome> {
    await slot.program?.stop();
    return (
      this.#countFailure(`${reason}, ${mostFailures} times without a valid answer`) ?? {
        type: 'retry',
        reason,
        ...ofBatch(size),
      }
    );
  }

  async #afterEnd(
    end: ChildEnd,
    { hasAnswered, program }: Slot,
    { size, givenUp }: { size: number; givenUp: AbortSignal },
  ): Promise<Outcome> {
    if (end.type === 'exit' && (end.status === 126 || end.status === 127)) {
      return { type: 'stop', error: cannotRun(this.#program.command, end.status) };
    }
    const marks = program?.wasStopped ? {} : terminated(end);
    if (!hasAnswered && !program?.wasStopped && !marks.wasTerminated) {
      if (await this.#trial.failsAlike(end, givenUp))
        return {
          type: 'stop',
          error: this.#brokenError(`it also ends without a message (${endText(end)})`, startHint),
        };
      if (givenUp.aborted) return handBack;
    }
    const isUndecided = end.type === 'exit' && end.status === 0;
    const stop =
      isUndecided && this.#countFailure(`it ended ${mostFailures} times and never answered (${endText(end)})`);
    return (
      stop || { type: 'retry', reason: `it ended without an answer (${endText(end)})`, ...marks, ...ofBatch(size) }
    );
  }

  /**
   * Counts a failure that may be caused by the program or by the message. Returns the outcome that ends the role after
   * the last allowed failure.
   */
  #countFailure(why: string): Outcome | undefined {
    if (this.#hasAnswered) return undefined;
    this.#failures += 1;
    return this.#failures < mostFailures ? undefined : { type: 'stop', error: this.#brokenError(why) };
  }

  #start(slot: Slot): LineProcess {
    const program = new LineProcess(this.#program);
    slot.program = program;
    slot.messages = 0;
    slot.hasAnswered = false;
    const { timeoutMs } = this.#plan;
    const deadline = timeoutMs === undefined ? undefined : new Deadline(timeoutMs, this.#clock);
    slot.deadline = deadline;
    void program.ended.then(() => {
      deadline?.end();
      // The end of a recycled process is not a failure.
      if (slot.program !== program) return;
      slot.exits += 1;
      slot.readyAt = this.#clock.now() + (this.#plan.pauseMs ?? restartPause)(slot.exits);
    });
    return program;
  }

  #brokenError(why: string, hint = protocolHint): MqError {
    const { command } = this.#program;
    return new MqError('SYSTEM', `cannot use ${command}: ${why}`, { hint, at: command });
  }
}

/** Returns the milliseconds before a restart: 100, doubled with each exit without an answer, at most 10,000. */
export function restartPause(exits: number): number {
  return Math.min(100 * 2 ** (exits - 1), 10_000);
}

function newSlot(): Slot {
  return {
    program: undefined,
    isBusy: false,
    deadline: undefined,
    pending: undefined,
    exits: 0,
    readyAt: 0,
    messages: 0,
    hasAnswered: false,
  };
}

/** Returns the sort key of a slot: running processes first, then the shortest pause. */
function readiness({ program, readyAt }: Slot): number {
  return program?.isAlive ? -1 : readyAt;
}
