// The `uvu` that a test file imports. Its `test` and `suite` only record the tests, and group-run.ts runs them with the
// real uvu. The harness can therefore filter tests, enforce deadlines, count tests and detect a forgotten `.run()`.

import { getCallSites } from 'node:util';
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
  /** `true` if the group is in `groups`: after `.run()` was called, or because of `runsByItself`. */
  runs: boolean;
  /** `true` for a suite of `mq/test`, which runs without `.run()`. */
  readonly runsByItself: boolean;
}

export interface Entry {
  readonly name: string;
  readonly mode: 'run' | 'only' | 'skip';
  readonly handler: Callback;
  /** Line of the test in its file, starting at 1. 0 means unknown. */
  readonly line: number;
}

/** Groups that the file runs, in order. */
export const groups: Group[] = [];

/** All groups, including those that were never run. A group with tests that was never run is a failure. */
const opened: Group[] = [];

/** Returns uvu's `test` and `suite`. With `runsByItself`, a suite also runs without `.run()`. */
export function recorders({ runsByItself }: { runsByItself: boolean }): { test: Test; suite: typeof suite } {
  const suite = <T = Context>(name = '', state?: T): Test<T> => {
    // The cast is safe, because uvu passes this state to every callback.
    return recorder({ name, state: (state ?? {}) as Context, runsByItself }) as unknown as Test<T>;
  };
  return { test: suite(), suite };
}

export const { test, suite } = recorders({ runsByItself: false });

type Settings = Pick<Group, 'name' | 'state' | 'runsByItself'>;

function recorder(settings: Settings): Test {
  let group = open(settings);
  const add = (mode: Entry['mode']) => (title: string, handler: Callback) => {
    if (typeof handler !== 'function') throw new TypeError(`the test "${title}" requires a function`);
    if (isRecorded)
      throw new Error(`the test "${title}" is registered inside another test or hook, so it would never run`);
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
      group = open(settings);
    },
  });
}

function open(settings: Settings): Group {
  const group = { ...settings, tests: [], before: [], after: [], beforeEach: [], afterEach: [], runs: false };
  opened.push(group);
  return group;
}

/** `true` after the file is loaded. A test that is registered later never runs. */
let isRecorded = false;

/** Ends the recording and adds the suites that need no `.run()`. Returns the groups with tests that never run. */
export function takeUnrun(): Group[] {
  isRecorded = true;
  const waiting = opened.filter((group) => !group.runs && group.tests.length > 0);
  for (const group of waiting) {
    if (!group.runsByItself) continue;
    group.runs = true;
    groups.push(group);
  }
  return waiting.filter((group) => !group.runs);
}

/** Returns the line of the first frame outside this script, which is at most the fourth (`test.skip`). */
function callerLine(): number {
  const [own, ...frames] = getCallSites(4);
  return frames.find(({ scriptName }) => scriptName !== own?.scriptName)?.lineNumber ?? 0;
}

function nothing(): void {}
