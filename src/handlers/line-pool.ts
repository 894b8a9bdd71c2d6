// The processes of --exec-lines: each is asked one request at a time. A process that dies, answers wrongly or is late costs
// the messages of its request one attempt, and is replaced after a pause.

import { randomInt } from 'node:crypto';
import type { RecycleLimit } from '../config/recycle.ts';
import { escaped, MqError } from '../errors.ts';
import { type ChildEnd, endText, terminated } from './child.ts';
import { type Clock, systemClock } from './clock.ts';
import { cannotRun } from './executable.ts';
import type { HandlerContext, Outcome } from './handler.ts';
import { LineProcess, type LineProcessPlan, type Said } from './line-process.ts';
import type { LineRequest } from './line-request.ts';
import { LineTrial } from './line-trial.ts';
import { handBack, ofBatch, repeated } from './safely.ts';

export interface LinePoolPlan {
  /** The most processes. */
  readonly processes: number;
  /** Milliseconds from the line in to the line out; undefined: no bound. */
  readonly timeoutMs: number | undefined;
  /** When a process is replaced; undefined: never. */
  readonly recycleAfter?: RecycleLimit | undefined;
  /** Milliseconds without a first answer, after which a line says what to check. Default 10,000. */
  readonly noticeMs?: number;
  /** Milliseconds before the next process starts, after so many ends without an answer. Default `restartPause`. */
  readonly pauseMs?: (deaths: number) => number;
  readonly clock?: Clock;
}

/** Milliseconds in which a program that cannot work shows it by ending, before a message is taken. */
const provingMs = 250;
/** A program that has never answered, and so often ends with 0 or answers wrongly, is wrong itself. */
const mostUnproved = 3;
/** The most faults of an answer that its line in the log names. */
const mostFaults = 3;

const protocolHint =
  'it must read lines from its standard input until that ends, and answer each with one line of JSON';
const startHint = 'its own lines above say why; the message went back to its queue';

interface Slot {
  program: LineProcess | undefined;
  isBusy: boolean;
  /** Ends since the last answer. */
  deaths: number;
  /** When the next process may start. */
  readyAt: number;
  /** Handled by this process. */
  messages: number;
  /** This process has answered. */
  hasAnswered: boolean;
}

type Heard = Said | { readonly type: 'late' } | { readonly type: 'given up' };

export class LinePool {
  readonly #plan: LinePoolPlan;
  readonly #program: LineProcessPlan;
  readonly #slots: Slot[];
  readonly #clock: Clock;
  readonly #trial: LineTrial;
  readonly #closing = new AbortController();
  /** Recycled processes that have not ended yet. */
  readonly #leaving = new Set<Promise<void>>();
  #waiting: (() => void)[] = [];
  #hasAnswered = false;
  #hasNoticed = false;
  /** Failures of a program that has never answered. */
  #failures = 0;

  constructor(plan: LinePoolPlan, program: LineProcessPlan) {
    this.#plan = plan;
    this.#program = program;
    this.#clock = plan.clock ?? systemClock;
    this.#trial = new LineTrial({ program, clock: this.#clock });
    this.#slots = Array.from({ length: plan.processes }, () => newSlot());
  }

  async prove(): Promise<void> {
    const [slot] = this.#slots;
    if (!slot) return;
    const program = this.#start(slot);
    const proved = new AbortController();
    const end = await Promise.race([program.ended, this.#clock.pause(provingMs, proved.signal)]);
    proved.abort();
    if (end) throw this.#useless(`it ended before it was given a message (${endText(end)})`);
  }

  /** Returns one outcome for each message of the request. */
  async handle(request: LineRequest, { signal }: HandlerContext): Promise<readonly Outcome[]> {
    const givenUp = AbortSignal.any([signal, this.#closing.signal]);
    const slot = await this.#free(givenUp);
    if (!slot) return repeated(handBack, request.size);
    try {
      const outcome = await this.#ask(slot, request, givenUp);
      return 'type' in outcome ? repeated(outcome, request.size) : outcome;
    } finally {
      // The outcome does not wait for a process that has to be replaced; the next message does.
      void this.#recycle(slot, request.size).then(() => {
        slot.isBusy = false;
        this.#waiting.shift()?.();
      });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const resume of this.#waiting.splice(0)) resume();
    await Promise.all([this.#trial.close(), ...this.#leaving, ...this.#slots.map(({ program }) => program?.close())]);
  }

  /** A slot whose pause is over, taken; undefined if that is not to be waited for. */
  async #free(givenUp: AbortSignal): Promise<Slot | undefined> {
    for (;;) {
      if (givenUp.aborted) return undefined;
      const slot = this.#slots.filter(({ isBusy }) => !isBusy).sort((a, b) => readiness(a) - readiness(b))[0];
      if (slot) {
        slot.isBusy = true;
        if (!slot.program?.isAlive) await this.#clock.pause(slot.readyAt - this.#clock.now(), givenUp);
        if (!givenUp.aborted) return slot;
        slot.isBusy = false;
        return undefined;
      }
      const resumed = Promise.withResolvers<void>();
      const resume = () => resumed.resolve();
      this.#waiting.push(resume);
      givenUp.addEventListener('abort', resume);
      await resumed.promise;
      // Node keeps a composite signal as long as it has a listener.
      givenUp.removeEventListener('abort', resume);
    }
  }

  async #ask(slot: Slot, request: LineRequest, givenUp: AbortSignal): Promise<Outcome | readonly Outcome[]> {
    const { timeoutMs } = this.#plan;
    const program = slot.program?.isAlive ? slot.program : this.#start(slot);
    const id = unguessableId();
    program.reportTo(request.openStderr ?? (() => this.#program.stderr));
    const heard = await this.#hear(program, request.line(id), givenUp);
    switch (heard.type) {
      case 'object': {
        const answer = request.read(heard.value, id);
        if (typeof answer === 'string') return this.#afterFault(slot, request, `a wrong answer: ${answer}`);
        slot.deaths = 0;
        slot.hasAnswered = true;
        this.#hasAnswered = true;
        this.#reportFaults(answer.faults, request.size);
        return answer.outcomes;
      }
      case 'babble':
        return this.#afterFault(slot, request, `no answer: ${heard.reason}`);
      case 'late':
        await program.stop();
        return { type: 'retry', reason: `no end within ${(timeoutMs ?? 0) / 1000} s` };
      case 'given up':
        await program.stop();
        return handBack;
      case 'ended':
        return this.#afterEnd(heard.end, slot, { size: request.size, givenUp });
    }
  }

  async #hear(program: LineProcess, line: Buffer, givenUp: AbortSignal): Promise<Heard> {
    const settled = new AbortController();
    const { timeoutMs } = this.#plan;
    const others: Promise<Heard>[] = [
      new Promise((resolve) => {
        const giveUp = () => resolve({ type: 'given up' });
        if (givenUp.aborted) giveUp();
        givenUp.addEventListener('abort', giveUp, { once: true, signal: settled.signal });
      }),
    ];
    if (timeoutMs !== undefined)
      others.push(this.#clock.pause(timeoutMs, settled.signal).then(() => ({ type: 'late' })));
    if (!this.#hasAnswered && !this.#hasNoticed) void this.#notice(program, settled.signal);
    const heard = await Promise.race([program.ask(line), ...others]);
    // Without a reason Node makes an exception with its stack for each message.
    settled.abort('settled');
    return heard;
  }

  /** Replaces a process that has handled enough messages or has grown too large. The next one starts when it is needed. */
  async #recycle(slot: Slot, size: number): Promise<void> {
    const limit = this.#plan.recycleAfter;
    const { program } = slot;
    slot.messages += size;
    if (!limit || !program?.isAlive) return;
    const isDue = 'messages' in limit ? slot.messages >= limit.messages : program.residentBytes > limit.bytes;
    if (!isDue) return;
    slot.program = undefined;
    const closed = program.close();
    this.#leaving.add(closed);
    await closed;
    this.#leaving.delete(closed);
  }

  /** Says once what to check if a program that has never answered is silent: most hold back their output in a buffer. */
  async #notice(program: LineProcess, settled: AbortSignal): Promise<void> {
    const { noticeMs = 10_000 } = this.#plan;
    await this.#clock.pause(noticeMs, settled);
    if (settled.aborted || this.#hasNoticed) return;
    this.#hasNoticed = true;
    const { command, stderr } = this.#program;
    const what = program.unfinished > 0 ? `${program.unfinished} bytes without a line end` : 'nothing';
    const check =
      'it must end each answer with a newline and flush its output (Python: flush=True; C: fflush; Perl: $| = 1)';
    stderr.write(`${command}: no answer within ${noticeMs / 1000} s, its stdout has ${what}: ${check}\n`);
  }

  #reportFaults(faults: readonly string[], size: number): void {
    if (faults.length === 0) return;
    const { command, stderr } = this.#program;
    const more = faults.length > mostFaults ? `, and ${faults.length - mostFaults} more` : '';
    const list = faults.slice(0, mostFaults).join(', ');
    stderr.write(`${escaped(`${command}: the answer to a batch of ${size} messages has ${list}${more}`)}\n`);
  }

  /** What it would say next belongs to no message: another process takes its place. */
  async #afterFault(slot: Slot, { size }: LineRequest, reason: string): Promise<Outcome> {
    await slot.program?.stop();
    return (
      this.#unproved(`${reason}, ${mostUnproved} times without a right one`) ?? {
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
    if (end.type === 'not started' && !['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(end.error.code ?? '')) {
      return { type: 'stop', error: this.#useless(`it cannot be started (${endText(end)})`) };
    }
    const marks = program?.wasStopped ? {} : terminated(end);
    if (!hasAnswered && !program?.wasStopped && !marks.wasTerminated) {
      if (await this.#trial.failsAlike(end, givenUp))
        return { type: 'stop', error: this.#useless(`it ends without a message too (${endText(end)})`, startHint) };
      if (givenUp.aborted) return handBack;
    }
    const isUndecided = end.type === 'exit' && end.status === 0;
    const stop = isUndecided && this.#unproved(`it ended ${mostUnproved} times and never answered (${endText(end)})`);
    return (
      stop || { type: 'retry', reason: `it ended without an answer (${endText(end)})`, ...marks, ...ofBatch(size) }
    );
  }

  /** Counts a failure that does not say whether the program or the message is wrong. Returns the end of the role, if it is. */
  #unproved(why: string): Outcome | undefined {
    if (this.#hasAnswered) return undefined;
    this.#failures += 1;
    return this.#failures < mostUnproved ? undefined : { type: 'stop', error: this.#useless(why) };
  }

  #start(slot: Slot): LineProcess {
    const program = new LineProcess(this.#program);
    slot.program = program;
    slot.messages = 0;
    slot.hasAnswered = false;
    void program.ended.then(() => {
      // A recycled one: its end is no failure.
      if (slot.program !== program) return;
      slot.deaths += 1;
      slot.readyAt = this.#clock.now() + (this.#plan.pauseMs ?? restartPause)(slot.deaths);
    });
    return program;
  }

  #useless(why: string, hint = protocolHint): MqError {
    const { command } = this.#program;
    return new MqError('SYSTEM', `cannot use ${command}: ${why}`, { hint, at: command });
  }
}

/** Returns the milliseconds before the next process starts: 100, doubled with each end without an answer, at most 10,000. */
export function restartPause(deaths: number): number {
  return Math.min(100 * 2 ** (deaths - 1), 10_000);
}

/** Returns an id that no message can foretell: a program that prints a body must not answer with it. JSON numbers hold it. */
function unguessableId(): number {
  return randomInt(1, 2 ** 48 - 1);
}

function newSlot(): Slot {
  return { program: undefined, isBusy: false, deaths: 0, readyAt: 0, messages: 0, hasAnswered: false };
}

/** Lower is sooner: a process that lives, then the shortest pause. */
function readiness({ program, readyAt }: Slot): number {
  return program?.isAlive ? -1 : readyAt;
}
