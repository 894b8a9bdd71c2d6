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
}

export interface Entry {
  readonly name: string;
  readonly mode: 'run' | 'only' | 'skip';
  readonly handler: Callback;
}

/** What the file has told to run, in order. */
export const groups: Group[] = [];

/** The groups that were never told to run as well: one with tests is a failure. */
const opened: Group[] = [];

/** As uvu's. */
export function suite<T = Context>(name = '', state?: T): Test<T> {
  // The cast is uvu's own promise: the state given here is what every callback receives.
  return recorder(name, (state ?? {}) as Context) as unknown as Test<T>;
}

/** As uvu's: the suite without a name. */
export const test: Test = suite();

function recorder(name: string, state: Context): Test {
  let group = open(name, state);
  const add = (mode: Entry['mode']) => (title: string, handler: Callback) => {
    group.tests.push({ name: title, mode, handler });
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
      group = open(name, state);
    },
  });
}

function open(name: string, state: Context): Group {
  const group = { name, state, tests: [], before: [], after: [], beforeEach: [], afterEach: [], runs: false };
  opened.push(group);
  return group;
}

/** The groups that hold tests but were never told to run. */
export function forgotten(): Group[] {
  return opened.filter((group) => !group.runs && group.tests.length > 0);
}

function nothing(): void {}
