// Passes the registered tests to the real uvu, group by group, runs uvu's queue, and sends the events.

import './defer.ts';
import * as uvu from 'uvu';
import { enterTest, leaveSuite, leaveTest, logsSince, roleOutput } from '../fixtures.ts';
import type { ChildOptions } from '../request.ts';
import type { Failure, Skipped, TestEvent } from './event.ts';
import { failureOf } from './failure.ts';
import type { Guard } from './guard.ts';
import type { LeakWatch } from './leaks.ts';
import { isSkip, Skip } from './skip.ts';
import { type Entry, forgotten, type Group, groups } from './uvu.ts';

export interface World extends ChildOptions {
  /** Resolves when the event is sent. */
  readonly send: (event: TestEvent) => Promise<void>;
  /** Holds an event until the next one is sent, or until the end of the process. */
  readonly hold: (event: TestEvent) => void;
  readonly fail: (place: string, failure: Failure) => Promise<void>;
  readonly guard: Guard;
  /** `undefined` if the file does not use fixtures. */
  readonly leaks: LeakWatch | undefined;
  /** Writes to the output of the file. */
  readonly say: (text: string) => void;
}

/** Runs the tests that the file registered, and sends the events to the runner. */
export async function runGroups(world: World): Promise<void> {
  const unrun = forgotten();
  const plan = planOf(world.filter);
  await world.send({ type: 'plan', ...plan.event });
  for (const group of unrun) {
    await world.fail(titleOf(group), verdict(`.run() was never called; tests registered: ${group.tests.length}`));
  }
  const course: Course = { isOver: false };
  let ran = 0;
  let total = 0;
  for (const { group, entries } of plan.groups) {
    if (group.tests.length === 0) await world.fail(titleOf(group), verdict('.run() was called, but it has no test'));
    if (entries.length === 0) continue;
    const [numberRan, numberTotal] = await runGroup(group, entries, { ...world, course });
    ran += numberRan;
    total += numberTotal;
  }
  for (const { test, what } of (await world.leaks?.left()) ?? []) await world.fail(test, verdict(`left ${what}`));
  await world.send({ type: 'end', ran, total });
}

interface PlannedEntry extends Entry {
  readonly test: number;
}

/** Selects the tests to run. A test is identified by its index in `event.tests`. */
function planOf(filter = '') {
  const tests: string[] = [];
  const lines: number[] = [];
  const skipped: Skipped[] = [];
  let filtered = 0;
  const planned = groups.map((group) => {
    const only = group.tests.some(({ mode }) => mode === 'only');
    const entries: PlannedEntry[] = [];
    for (const entry of group.tests) {
      const name = group.name === '' ? entry.name : `${group.name}: ${entry.name}`;
      if (!name.toLowerCase().includes(filter.toLowerCase())) filtered++;
      else if (entry.mode === 'skip') skipped.push({ test: name, reason: 'test.skip', line: entry.line });
      else if (only && entry.mode !== 'only')
        skipped.push({ test: name, reason: 'another test has .only', line: entry.line });
      else {
        entries.push({ ...entry, test: tests.push(name) - 1 });
        lines.push(entry.line);
      }
    }
    return { group, entries };
  });
  return { groups: planned, event: { tests, lines, skipped, filtered } };
}

/** `isOver` is set after a failed test, when no other test may run. */
interface Course {
  isOver: boolean;
}

/** Minimum duration in milliseconds of a test whose end is sent in a message of its own. */
const longMs = 50;

/** Runs one group with uvu. Returns uvu's numbers: how many tests ran to the end, and how many there are. */
async function runGroup(
  group: Group,
  entries: readonly PlannedEntry[],
  world: World & { readonly course: Course },
): Promise<[number, number]> {
  const { send, hold, fail, guard, timeoutMs, leaks, bail = false, course } = world;
  // A hook that blocks the process would delay a held event.
  const passes = group.after.length + group.afterEach.length === 0 ? hold : (event: TestEvent) => void send(event);
  let skipReason = course.isOver ? bailed : undefined;
  /** `true` for a test after the last one that may run. The hooks around it do not run either. */
  let isAfterLast = false;

  // uvu swallows errors of hooks (uvu 0.5.6: `return` inside `finally`), so they are reported before uvu sees them.
  const hook = (kind: string, callback: uvu.Callback) => async (state: uvu.Context) => {
    if (skipReason !== undefined) return;
    if (kind === 'before.each' ? course.isOver : kind === 'after.each' && isAfterLast) return;
    try {
      await guard(() => callback(state as Parameters<uvu.Callback>[0]), timeoutMs);
    } catch (error) {
      if (kind === 'before' && isSkip(error)) {
        skipReason = error.message;
        return;
      }
      const during = kind.endsWith('each') ? ` of "${state['__test__']}"` : '';
      await fail(`${titleOf(group)}, ${kind} hook${during}`, { ...failureOf(error), ...roleOutput() });
      course.isOver ||= bail;
      // After a throwing after.each, uvu drops the suite's other tests, and a throwing `after` ends uvu's own run.
      if (kind.startsWith('before')) throw failed;
    }
  };
  const wrapped = (entry: PlannedEntry) => async (state: uvu.Context) => {
    const { test } = entry;
    // This is not awaited, because the event is already in the pipe, whatever the test does to its process.
    void send({ type: 'start', test });
    const [begun, date] = [performance.now(), new Date()];
    const spentMs = () => performance.now() - begun;
    try {
      isAfterLast = course.isOver;
      if (skipReason !== undefined || isAfterLast) throw new Skip(skipReason ?? bailed);
      await guard(() => entry.handler(state as Parameters<uvu.Callback>[0]), timeoutMs);
      const ms = spentMs();
      // After a long test the event is sent at once, because the runner treats a silent process as blocked.
      if (ms > longMs) void send({ type: 'pass', test, ms });
      else passes({ type: 'pass', test, ms });
    } catch (error) {
      if (isSkip(error)) return send({ type: 'skip', test, reason: error.message, ms: spentMs() });
      await send({ type: 'fail', test, failure: { ...failureOf(error), ...roleOutput() }, ms: spentMs() });
      course.isOver ||= bail;
      const logs = await logsSince(date).catch((why: unknown) => String(why));
      if (logs) world.say(`the nodes' logs during "${entry.name}":\n${logs}\n`);
      throw failed;
    }
  };

  /** Ends what the fixtures have started, after the user's own hooks. */
  const settle = async (what: string, clear: () => Promise<void> | undefined) => {
    try {
      const clearing = clear();
      if (clearing !== undefined) await guard(() => clearing, timeoutMs);
      await leaks?.after(what);
    } catch (error) {
      await fail(`after ${what}`, failureOf(error));
    }
  };
  const real = uvu.suite('', group.state);
  group.state['__suite__'] = group.name;
  for (const callback of group.before) real.before(hook('before', callback));
  if (leaks !== undefined) real.before.each(enterTest);
  for (const callback of group.beforeEach) real.before.each(hook('before.each', callback));
  for (const callback of group.afterEach) real.after.each(hook('after.each', callback));
  if (leaks !== undefined) real.after.each((state) => settle(`"${state['__test__']}"`, leaveTest));
  for (const callback of group.after) real.after(hook('after', callback));
  if (leaks !== undefined) real.after(() => settle(titleOf(group), leaveSuite));
  for (const entry of entries) real(entry.name, wrapped(entry));
  const queue: Queued[] = [];
  Object.assign(globalThis, { UVU_QUEUE: [queue] });
  real.run();
  let ran = 0;
  let total = 0;
  for (const run of queue) {
    const [, numberRan, , numberTotal] = await run();
    ran += numberRan;
    total += numberTotal;
  }
  return [ran, total];
}

const bailed = 'a test before it has failed (--bail)';

/** Entry of uvu's queue that `.run()` adds: [errors or true, ran, skipped, total]. */
type Queued = () => Promise<[string | true, number, number, number]>;

/**
 * Error for uvu, which requires one with a name and a stack (with null it ignores the test). The real error was already
 * sent.
 */
const failed = Object.assign(new Error('failed'), { stack: '' });

/** Returns a failure that the runner itself has found. It has no stack. */
export function verdict(message: string): Failure {
  return { message, stack: [] };
}

function titleOf(group: Group): string {
  return group.name === '' ? 'the suite without a name' : `the suite "${group.name}"`;
}
