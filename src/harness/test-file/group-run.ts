// Runs one group of tests with the real uvu, and sends an event for each test.

import './defer.ts';
import * as uvu from 'uvu';
import { contractFaults, enterTest, faultCount, leaveSuite, leaveTest, logsSince, roleOutput } from '../fixtures.ts';
import type { ChildOptions } from '../request.ts';
import type { Failure, TestEvent } from './event.ts';
import { failureOf } from './failure.ts';
import type { Guard } from './guard.ts';
import type { LeakWatch } from './leaks.ts';
import { isSkip, Skip } from './skip.ts';
import type { Entry, Group } from './uvu.ts';

export interface RunContext extends ChildOptions {
  readonly send: (event: TestEvent) => void;
  readonly fail: (place: string, failure: Failure) => void;
  readonly guard: Guard;
  /** `undefined` if the file does not use fixtures. */
  readonly leaks: LeakWatch | undefined;
  /** Writes to the output of the file. */
  readonly write: (text: string) => void;
}

export interface PlannedEntry extends Entry {
  /** Index of the test in the `plan` event. */
  readonly test: number;
}

/** State of the file's run. `isOver` becomes `true` after a failure with --bail. No further test runs then. */
export interface FileRun {
  isOver: boolean;
}

/** uvu's numbers: how many tests ran to the end, and how many there are. */
interface RunCounts {
  readonly ran: number;
  readonly total: number;
}

type HookKind = 'before' | 'before.each' | 'after.each' | 'after';

export class GroupRun {
  readonly #group: Group;
  readonly #context: RunContext;
  readonly #file: FileRun;
  /** Reason why all further tests of the group are skipped. */
  #skipReason: string | undefined;
  /** `true` if the current test is skipped because of --bail. The hooks around it do not run either. */
  #isBailed = false;
  /** The current test, if it has passed. */
  #passed: number | undefined;

  constructor(group: Group, context: RunContext, file: FileRun) {
    this.#group = group;
    this.#context = context;
    this.#file = file;
    this.#skipReason = file.isOver ? bailed : undefined;
  }

  async run(entries: readonly PlannedEntry[]): Promise<RunCounts> {
    const real = uvu.suite('', this.#group.state);
    this.#group.state['__suite__'] = this.#group.name;
    this.#addHooks(real);
    for (const entry of entries) real(entry.name, this.#wrapTest(entry));
    const queue: Queued[] = [];
    Object.assign(globalThis, { UVU_QUEUE: [queue] });
    real.run();
    let [ran, total] = [0, 0];
    for (const run of queue) {
      const [, numberRan, , numberTotal] = await run();
      ran += numberRan;
      total += numberTotal;
    }
    return { ran, total };
  }

  /** Adds the hooks of the file, and the hooks that end what the fixtures have started. */
  #addHooks(real: uvu.Test): void {
    const { before, beforeEach, afterEach, after } = this.#group;
    const hasFixtures = this.#context.leaks !== undefined;
    for (const callback of before) real.before(this.#wrapHook('before', callback));
    if (hasFixtures) real.before.each(enterTest);
    for (const callback of beforeEach) real.before.each(this.#wrapHook('before.each', callback));
    for (const callback of afterEach) real.after.each(this.#wrapHook('after.each', callback));
    if (hasFixtures) real.after.each((state) => this.#settle(`"${state['__test__']}"`, leaveTest));
    for (const callback of after) real.after(this.#wrapHook('after', callback));
    if (hasFixtures) real.after(() => this.#settle(titleOf(this.#group), leaveSuite));
  }

  /** Reports errors of a hook before uvu sees them, because uvu 0.5.6 swallows them (`return` inside `finally`). */
  #wrapHook(kind: HookKind, callback: uvu.Callback): uvu.Callback {
    return async (state) => {
      if (this.#skipReason !== undefined) return;
      if (kind === 'before.each' && this.#file.isOver) return;
      if (kind === 'after.each' && this.#isBailed) return;
      try {
        await this.#context.guard(() => callback(state), this.#context.timeoutMs);
      } catch (error) {
        this.#hookThrew(kind, error, state['__test__']);
      }
    };
  }

  #hookThrew(kind: HookKind, error: unknown, test: unknown): void {
    if (kind === 'before' && isSkip(error)) {
      this.#skipReason = error.message;
      return;
    }
    const during = kind.endsWith('each') ? ` of "${test}"` : '';
    this.#context.fail(`${titleOf(this.#group)}, ${kind} hook${during}`, withRoles(error));
    this.#file.isOver ||= this.#context.bail === true;
    // Errors of after hooks are not thrown, because uvu would drop the suite's other tests or end its own run.
    if (kind.startsWith('before')) throw failed;
  }

  #wrapTest(entry: PlannedEntry): uvu.Callback {
    const { send, guard, timeoutMs } = this.#context;
    const { test } = entry;
    return async (state) => {
      send({ type: 'start', test });
      this.#passed = undefined;
      const [begun, date] = [performance.now(), new Date()];
      const spentMs = () => performance.now() - begun;
      try {
        this.#isBailed = this.#file.isOver;
        if (this.#skipReason !== undefined || this.#isBailed) throw new Skip(this.#skipReason ?? bailed);
        await guard(() => entry.handler(state), timeoutMs);
        const fault = contractFault();
        if (fault !== undefined) throw fault;
        send({ type: 'pass', test, ms: spentMs(), ...faultCount() });
        this.#passed = test;
      } catch (error) {
        if (isSkip(error)) return send({ type: 'skip', test, reason: error.message, ms: spentMs() });
        send({ type: 'fail', test, failure: withContracts(withRoles(error)), ms: spentMs() });
        await this.#testFailed(entry.name, date);
        throw failed;
      }
    };
  }

  async #testFailed(name: string, begun: Date): Promise<void> {
    this.#file.isOver ||= this.#context.bail === true;
    const logs = await logsSince(begun).catch((why: unknown) => String(why));
    if (logs) this.#context.write(`the nodes' logs during "${name}":\n${logs}\n`);
  }

  /** Ends what the fixtures have started. Runs after the hooks of the user. */
  async #settle(what: string, clear: () => Promise<void> | undefined): Promise<void> {
    const { guard, timeoutMs, leaks, fail } = this.#context;
    try {
      const clearing = clear();
      if (clearing !== undefined) await guard(() => clearing, timeoutMs);
      await leaks?.after(what);
    } catch (error) {
      fail(`after ${what}`, failureOf(error));
    }
    this.#settleContracts(what);
  }

  /** Reports the invalid messages that were published by the hooks, and by the roles until they ended. */
  #settleContracts(what: string): void {
    const { send, fail } = this.#context;
    const fault = contractFault();
    const test = this.#passed;
    this.#passed = undefined;
    if (fault === undefined) return;
    this.#file.isOver ||= this.#context.bail === true;
    // A test that has failed or skipped itself has its outcome.
    if (test === undefined) fail(`after ${what}`, failureOf(fault));
    else send({ type: 'fail', test, failure: failureOf(fault) });
  }
}

/** Adds the invalid messages of a test that has failed, because they can be the cause. */
function withContracts(failure: Failure): Failure {
  const fault = contractFault();
  return fault === undefined ? failure : { ...failure, message: `${failure.message}\n${fault.message}` };
}

/** Returns an error that names the invalid messages since the last call. */
function contractFault(): Error | undefined {
  const faults = contractFaults();
  return faults.length === 0 ? undefined : new Error(faults.join('\n'));
}

const bailed = 'an earlier test failed (--bail)';

/** Entry of uvu's queue that `.run()` adds: [errors or true, ran, skipped, total]. */
type Queued = () => Promise<[string | true, number, number, number]>;

/**
 * Error that is thrown to uvu after the real error was sent. uvu requires a name and a stack; with null, it ignores the
 * test.
 */
const failed = Object.assign(new Error('failed'), { stack: '' });

function withRoles(error: unknown): Failure {
  return { ...failureOf(error), ...roleOutput() };
}

export function titleOf({ name }: Group): string {
  return name === '' ? 'the suite without a name' : `the suite "${name}"`;
}
