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
  /** Position of the failure. Set only for a failure that was read from a report. `file` is absolute. */
  readonly at?: { readonly file: string; readonly line: number; readonly column?: number };
  /** Set for a failure that only occurs under chaos. */
  readonly chaos?: ChaosCause;
}

/** Cause of a failure under chaos. */
export interface ChaosCause {
  readonly seed: number;
  /** The kind of fault that causes the failure alone, or all kinds if no kind does. */
  readonly faults: readonly string[];
  /** Command that repeats the failure. */
  readonly command: string;
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
  /** Number of faults that --chaos has caused in it. Set only if it passed. */
  readonly faults?: number;
  /** Number of times that --chaos could have caused a fault in it. Set only if it passed. */
  readonly chances?: number;
  /** Set if the test failed because the process ended before it started. */
  readonly didNotRun?: true;
}

export interface Verdict {
  /** All tests of the file except those that the filter excluded. Planned tests come first, in order. */
  readonly tests: readonly TestResult[];
  readonly passed: number;
  readonly failures: readonly FileFailure[];
  readonly skipped: readonly Skipped[];
}

/**
 * Returns the verdict. A file passes (without failures) only if every registered test ran to its end and the process
 * ended normally.
 */
export function verdictOf(events: readonly TestEvent[], ending: Ending): Verdict {
  const plan = events.find((event) => event.type === 'plan');
  const settled = settledTests(events);
  const failures = new FailureList(plan);
  const skips = events.filter((event) => event.type === 'skip');
  for (const event of events) if (event.type === 'fail') failures.addReported(event);
  // A test can still fail after its end.
  const passed = events.filter((event) => event.type === 'pass' && !failures.ofTest.has(event.test)).length;

  if (plan === undefined) {
    if (failures.isEmpty) failures.add('loading the file', endOf(ending));
    return { passed, failures: failures.all, skipped: skipped(skips, plan), tests: [] };
  }
  const started = new Set(events.flatMap((event) => (event.type === 'start' ? [event.test] : [])));
  for (const test of plan.tests.keys()) {
    if (settled.has(test)) continue;
    failures.addTest(test, started.has(test) ? `did not end: ${endOf(ending)}` : 'did not run');
  }
  const hasNoTest = plan.tests.length + plan.skipped.length + plan.filtered === 0;
  if (hasNoTest && failures.isEmpty) failures.add('the file', 'has no test');
  const end = events.find((event) => event.type === 'end');
  const why = badEnd(plan, { end, ending, reported: passed + skips.length });
  if (failures.isEmpty && why !== undefined) failures.add('the file', why);
  return {
    passed,
    failures: failures.all,
    skipped: skipped(skips, plan),
    tests: testsOf(plan, { settled, started, failures: failures.ofTest }),
  };
}

type EventOf<Type extends TestEvent['type']> = Extract<TestEvent, { readonly type: Type }>;
type Plan = EventOf<'plan'>;
/** The first event that ends a test. */
type Settled = EventOf<'pass' | 'skip' | 'fail'> & { readonly test: number };

class FailureList {
  readonly all: FileFailure[] = [];
  /** The first failure of each test. */
  readonly ofTest = new Map<number, FileFailure>();
  readonly #plan: Plan | undefined;

  constructor(plan: Plan | undefined) {
    this.#plan = plan;
  }

  get isEmpty(): boolean {
    return this.all.length === 0;
  }

  addReported({ test, place = 'the file', failure }: EventOf<'fail'>): void {
    this.#add(test === undefined ? place : this.#nameOf(test), failure, test);
  }

  addTest(test: number, message: string): void {
    this.#add(this.#nameOf(test), { message, stack: [] }, test);
  }

  add(title: string, message: string): void {
    this.#add(title, { message, stack: [] });
  }

  #add(title: string, failure: Failure, test?: number): void {
    const whole = { title, ...failure };
    this.all.push(whole);
    if (test !== undefined && !this.ofTest.has(test)) this.ofTest.set(test, whole);
  }

  #nameOf(test: number): string {
    return `"${this.#plan?.tests[test]}"`;
  }
}

function settledTests(events: readonly TestEvent[]): Map<number, Settled> {
  const settled = new Map<number, Settled>();
  for (const event of events) {
    if (isSettled(event) && !settled.has(event.test)) settled.set(event.test, event);
  }
  return settled;
}

function isSettled(event: TestEvent): event is Settled {
  return ['pass', 'skip', 'fail'].includes(event.type) && 'test' in event && event.test !== undefined;
}

interface End {
  readonly end: EventOf<'end'> | undefined;
  readonly ending: Ending;
  /** Number of tests that passed or skipped themselves. */
  readonly reported: number;
}

/** Returns why the file did not end normally, or `undefined` if it did. */
function badEnd({ tests }: Plan, { end, ending, reported }: End): string | undefined {
  if (end === undefined) return `did not end: ${endOf(ending)}`;
  const { ran, total } = end;
  if (ran !== total || total !== tests.length || reported !== ran) {
    return `${tests.length} tests were planned; uvu ran ${ran} of ${total}; ${reported} reported a result`;
  }
  return ending.code === 0 ? undefined : `failed after its tests: ${endOf(ending)}`;
}

function skipped(skips: readonly EventOf<'skip'>[], plan: Plan | undefined): Skipped[] {
  const ran = skips.map(({ test, reason }) => ({ test: plan?.tests[test] ?? '', reason }));
  return [...(plan?.skipped ?? []), ...ran];
}

interface Outcomes {
  /** Tests that have ended, and tests that have started. */
  readonly settled: ReadonlyMap<number, Settled>;
  readonly started: ReadonlySet<number>;
  readonly failures: ReadonlyMap<number, FileFailure>;
}

function testsOf(plan: Plan, { settled, started, failures }: Outcomes): TestResult[] {
  const planned = plan.tests.map((title, test): TestResult => {
    const name = { name: title, ...lineOf(plan.lines?.[test]) };
    const end = settled.get(test);
    const ms = end?.ms ?? 0;
    const failure = failures.get(test);
    const unrun = !settled.has(test) && !started.has(test) && { didNotRun: true as const };
    if (failure !== undefined) return { ...name, outcome: 'fail', ms, failure, ...unrun };
    return end?.type === 'skip'
      ? { ...name, outcome: 'skip', ms, reason: end.reason }
      : { ...name, outcome: 'pass', ms, ...faultsOf(end) };
  });
  const never = plan.skipped.map(
    ({ test, reason, line }): TestResult => ({ name: test, ...lineOf(line), outcome: 'skip', ms: 0, reason }),
  );
  return [...planned, ...never];
}

function faultsOf(end: Settled | undefined): Pick<TestResult, 'faults' | 'chances'> {
  if (end?.type !== 'pass') return {};
  const { faults, chances } = end;
  return { ...(faults !== undefined && { faults }), ...(chances !== undefined && { chances }) };
}

function lineOf(line = 0): { readonly line?: number } {
  return line > 0 ? { line } : {};
}

function endOf({ code, signal, killed }: Ending): string {
  if (killed !== undefined) return killed;
  return signal === null ? `the process exited with status ${code}` : `the process was ended by ${signal}`;
}
