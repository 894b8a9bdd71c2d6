// Computes the result of a test file from what it registered, what ran, and how its process ended.

import type { Failure, Skipped, TestEvent } from './test-file/event.ts';

/** End of a file's process. `killed` is the reason why the runner killed it. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly killed?: string;
}

export interface FileFailure extends Failure {
  /** Name of the test in quotes, or what else failed. */
  readonly title: string;
  /** Position of the failure, if a report contains it. `file` is absolute. */
  readonly at?: { readonly file: string; readonly line: number; readonly column?: number };
}

/** Result of one test. `failure` is the same object as in the verdict's `failures`. */
export interface TestResult {
  /** Name with the suite's name as a prefix, if it has one. */
  readonly name: string;
  readonly outcome: 'pass' | 'fail' | 'skip';
  /** Duration in milliseconds. 0 for a test that did not run or did not end. */
  readonly ms: number;
  readonly failure?: FileFailure;
  /** Reason why it was skipped. */
  readonly reason?: string;
  /** Line in the file, starting at 1. */
  readonly line?: number;
}

export interface Verdict {
  /** All tests of the file except those that the filter excluded. Tests that were to run come first, in order. */
  readonly tests: readonly TestResult[];
  readonly passed: number;
  readonly failures: readonly FileFailure[];
  readonly skipped: readonly Skipped[];
}

/**
 * Returns the verdict. A file passes (without failures) only if every registered test ran to its end and the process
 * ended normally.
 */
export function judge(events: readonly TestEvent[], ending: Ending): Verdict {
  const plan = events.find((event) => event.type === 'plan');
  const end = events.find((event) => event.type === 'end');
  const failures: FileFailure[] = [];
  const ofTest = new Map<number, FileFailure>();
  const add = (title: string, failure: Failure, test?: number) => {
    const whole = { title, ...failure };
    failures.push(whole);
    if (test !== undefined && !ofTest.has(test)) ofTest.set(test, whole);
  };
  const blame = (title: string, message: string, test?: number) => add(title, { message, stack: [] }, test);
  const named = (test: number) => `"${plan?.tests[test]}"`;

  for (const event of events) {
    if (event.type !== 'fail') continue;
    const title = event.test === undefined ? (event.place ?? 'the file') : named(event.test);
    add(title, event.failure, event.test);
  }
  const skips = events.filter((event) => event.type === 'skip');
  const passes = events.filter((event) => event.type === 'pass');
  const settled = new Map<number, Settled>();
  for (const event of events) {
    if (isSettled(event) && !settled.has(event.test)) settled.set(event.test, event);
  }
  const started = new Set(events.map((event) => (event.type === 'start' ? event.test : undefined)));
  const how = sentence(ending);

  if (plan === undefined && failures.length === 0) blame('loading the file', how);
  plan?.tests.forEach((_, test) => {
    if (!settled.has(test)) blame(named(test), started.has(test) ? `did not end: ${how}` : 'did not run', test);
  });
  if (plan !== undefined && plan.tests.length + plan.skipped.length + plan.filtered === 0 && failures.length === 0) {
    blame('the file', 'has no test');
  }
  if (failures.length === 0) {
    const ran = passes.length + skips.length;
    if (end === undefined) blame('the file', `did not end: ${how}`);
    else if (end.ran !== end.total || end.total !== plan?.tests.length || ran !== end.ran) {
      blame('the file', `${plan?.tests.length} tests are to run; uvu ran ${end.ran} of ${end.total}; ${ran} reported`);
    } else if (ending.code !== 0) blame('the file', `ended badly after its tests: ${how}`);
  }
  const skipped = skips.map(({ test, reason }) => ({ test: plan?.tests[test] ?? '', reason }));
  return {
    passed: passes.length,
    failures,
    skipped: [...(plan?.skipped ?? []), ...skipped],
    tests: plan === undefined ? [] : testsOf(plan, settled, ofTest),
  };
}

type Plan = TestEvent & { readonly type: 'plan' };
/** The first event that ends a test. */
type Settled = TestEvent & { readonly type: 'pass' | 'skip' | 'fail'; readonly test: number };

function isSettled(event: TestEvent): event is Settled {
  return ['pass', 'skip', 'fail'].includes(event.type) && 'test' in event && event.test !== undefined;
}

function testsOf(
  plan: Plan,
  settled: ReadonlyMap<number, Settled>,
  failures: ReadonlyMap<number, FileFailure>,
): TestResult[] {
  const planned = plan.tests.map((title, test): TestResult => {
    const name = { name: title, ...lineOf(plan.lines?.[test]) };
    const end = settled.get(test);
    const ms = end?.ms ?? 0;
    const failure = failures.get(test);
    if (failure !== undefined) return { ...name, outcome: 'fail', ms, failure };
    return end?.type === 'skip'
      ? { ...name, outcome: 'skip', ms, reason: end.reason }
      : { ...name, outcome: 'pass', ms };
  });
  const never = plan.skipped.map(
    ({ test, reason, line }): TestResult => ({ name: test, ...lineOf(line), outcome: 'skip', ms: 0, reason }),
  );
  return [...planned, ...never];
}

function lineOf(line = 0): { readonly line?: number } {
  return line > 0 ? { line } : {};
}

function sentence({ code, signal, killed }: Ending): string {
  if (killed !== undefined) return killed;
  return signal === null ? `the process exited with status ${code}` : `the process was ended by ${signal}`;
}
