// What a test file gets when it imports `uvu`: the same `test` and `suite`, which only record. child.ts gives the
// record to the real uvu. So a filter, a deadline and a count per test are possible, and a forgotten `.run()` shows.

import type { Callback, Context, Test } from 'uvu';

/** One suite, or one `.run()` of it. */
export interface Group {
  readonly name: string;
  readonly state: Context;
  readonly tests: Entry[];
  readonly before: Callback[];
  readonly after: Callback[];
  readonly beforeEach: Callback[];
  readonly afterEach: Callback[];
  /** True once `.run()` was called. */
  runs: boolean;
  /** It is of `mq/test`: it need not be told to run. */
  readonly runsByItself: boolean;
}

export interface Entry {
  readonly name: string;
  readonly mode: 'run' | 'only' | 'skip';
  readonly handler: Callback;
  /** Where the test stands in the file that registers it, from 1; 0: unknown. */
  readonly line: number;
}

/** What the file has told to run, in order. */
export const groups: Group[] = [];

/** The groups that were never told to run as well: one with tests is a failure. */
const opened: Group[] = [];

/** `test` and `suite` as uvu has them. `runsByItself`: a suite whose `.run()` is left out is run all the same. */
export function recorders({ runsByItself }: { runsByItself: boolean }): { test: Test; suite: typeof suite } {
  const suite = <T = Context>(name = '', state?: T): Test<T> => {
    // The cast is uvu's own promise: the state given here is what every callback receives.
    return recorder({ name, state: (state ?? {}) as Context, runsByItself }) as unknown as Test<T>;
  };
  return { test: suite(), suite };
}

export const { test, suite } = recorders({ runsByItself: false });

type Making = Pick<Group, 'name' | 'state' | 'runsByItself'>;

function recorder(making: Making): Test {
  let group = open(making);
  const add = (mode: Entry['mode']) => (title: string, handler: Callback) => {
    if (typeof handler !== 'function') throw new TypeError(`the test "${title}" has no function`);
    if (isRecorded)
      throw new Error(`the test "${title}" is registered inside another test or hook, and would never run`);
    group.tests.push({ name: title, mode, handler, line: callerLine() });
  };
  const hook = (kind: 'before' | 'after') =>
    Object.assign((callback: Callback) => void group[kind].push(callback), {
      each: (callback: Callback) => void group[`${kind}Each`].push(callback),
    });
  return Object.assign(add('run'), {
    only: add('only'),
    skip: (title = '(no title)') => add('skip')(title, nothing),
    before: hook('before'),
    after: hook('after'),
    run: () => {
      group.runs = true;
      groups.push(group);
      group = open(making);
    },
  });
}

function open(making: Making): Group {
  const group = { ...making, tests: [], before: [], after: [], beforeEach: [], afterEach: [], runs: false };
  opened.push(group);
  return group;
}

/** The file is loaded, its tests run: one that comes now comes too late. */
let isRecorded = false;

/** Ends the recording: what runs by itself is told to run. Gives the groups that hold tests but were never told to. */
export function forgotten(): Group[] {
  isRecorded = true;
  const waiting = opened.filter((group) => !group.runs && group.tests.length > 0);
  for (const group of waiting) {
    if (!group.runsByItself) continue;
    group.runs = true;
    groups.push(group);
  }
  return waiting.filter((group) => !group.runs);
}

/** The line of the first frame that is neither this file's nor inside the executable. */
function callerLine(): number {
  const frames = String(new Error('here').stack).split('\n').slice(1);
  const frame = frames.find((one) => !/[\\/]src[\\/]harness[\\/]uvu\.ts:|\bmq:[\w.-]+\.js:|node:/.test(one));
  return Number(/:(\d+):\d+\)?$/.exec(frame ?? '')?.[1] ?? 0);
}

function nothing(): void {}
