// Collects the results of the runs of one file under chaos, and combines them into one result.

import type { FileResult, UnreachedTest } from '../file-run.ts';
import { type ChaosKind, chaosKinds } from '../target.ts';
import type { FileFailure, TestResult } from '../verdict.ts';

/** A failure with one kind of fault alone, and its run. `kind` is `undefined` if the test fails again without a fault. */
export interface Cause {
  readonly kind: ChaosKind | undefined;
  readonly failure: FileFailure;
  readonly result: FileResult;
}

export interface ChaosPlan {
  readonly seeds: readonly number[];
  /** Returns the command that repeats a failure. `test` is absent if the failure does not belong to a test. */
  readonly commandOf: (failure: { readonly file: string; readonly seed: number; readonly test?: string }) => string;
}

/** Settings that can end a run early. */
interface Ends {
  readonly signal: AbortSignal;
  readonly bail?: boolean;
}

export class ChaosResult {
  readonly #plain: FileResult;
  readonly #plan: ChaosPlan;
  /** Failures after the first run by the name of the test. */
  readonly #ofTests = new Map<string, FileFailure>();
  /** Failures after the first run that do not belong to a test. */
  readonly #others: FileFailure[] = [];
  /** Number of seeds with which a test has run to its end, by the name of the test. */
  readonly #seedCounts = new Map<string, number>();
  /** Names of the tests that at least one fault has reached. */
  readonly #reached = new Set<string>();
  /** Names of the tests that a fault of another seed could reach. */
  readonly #reachable = new Set<string>();
  #ms: number;
  #output: string;

  constructor(plain: FileResult, plan: ChaosPlan) {
    this.#plain = plain;
    this.#plan = plan;
    this.#ms = plain.ms;
    this.#output = plain.output;
  }

  get hasFailures(): boolean {
    return this.#plain.failures.length + this.#ofTests.size + this.#others.length > 0;
  }

  /** Names of the tests that have not failed yet. Empty after a failure that does not belong to a test. */
  get remaining(): string[] {
    if (this.#failureOfFile !== undefined) return [];
    const { tests } = this.#plain;
    return tests.filter(({ outcome, name }) => outcome === 'pass' && !this.#ofTests.has(name)).map(({ name }) => name);
  }

  /** The first failure that does not belong to a test. */
  get #failureOfFile(): FileFailure | undefined {
    const { tests, failures } = this.#plain;
    return failures.find((failure) => !tests.some((test) => test.failure === failure)) ?? this.#others[0];
  }

  addTime(ms: number): void {
    this.#ms += ms;
  }

  /** Adds a run with all kinds of faults. `causes` has its failures that occur with less, by title. */
  add(result: FileResult, seed: number, causes: ReadonlyMap<string, Cause>): void {
    const { tests, output } = result;
    for (const { name, outcome, faults = 0, chances = 0 } of tests) {
      if (outcome === 'pass') this.#seedCounts.set(name, (this.#seedCounts.get(name) ?? 0) + 1);
      if (faults > 0) this.#reached.add(name);
      if (chances > 0) this.#reachable.add(name);
    }
    for (const failure of realFailures(result)) {
      const test = tests.find((one) => one.failure === failure)?.name;
      const cause = causes.get(failure.title);
      // The failure with one kind of fault is easier to understand.
      const shown = this.#describe(cause?.failure ?? failure, { seed, test, cause });
      this.#output = cause?.result.output ?? output;
      if (test === undefined) this.#others.push(shown);
      else this.#ofTests.set(test, shown);
    }
  }

  /** Returns the result of all runs. A test whose runs with faults did not take place is skipped, and has not passed. */
  whole(ends: Ends): FileResult {
    // A run that was interrupted shows nothing about the tests.
    const shown = (failure: FileFailure) => (ends.signal.aborted ? failure : withoutChaos(failure));
    const plain = new Map(this.#plain.failures.map((failure) => [failure, shown(failure)]));
    const tests = this.#plain.tests.map((test): TestResult => {
      const failure = this.#ofTests.get(test.name) ?? (test.failure && plain.get(test.failure));
      if (failure !== undefined) return { ...test, outcome: 'fail', failure };
      const isRun = test.outcome !== 'pass' || this.#seedCountOf(test) >= this.#plan.seeds.length;
      return isRun ? test : { ...test, outcome: 'skip', reason: this.#reasonOf(test, ends) };
    });
    const unrun = tests.filter(
      (test, index) => test.outcome === 'skip' && this.#plain.tests[index]?.outcome === 'pass',
    );
    const passed = tests.filter(({ outcome }) => outcome === 'pass');
    const unreached = passed
      .filter(({ name }) => !this.#reached.has(name))
      .map(({ name }): UnreachedTest => ({ test: name, isReachable: this.#reachable.has(name) }));
    return {
      ...this.#plain,
      tests,
      passed: passed.length,
      skipped: [...this.#plain.skipped, ...unrun.map(({ name, reason = '' }) => ({ test: name, reason }))],
      failures: [...plain.values(), ...this.#ofTests.values(), ...this.#others],
      ms: this.#ms,
      output: this.#output,
      ...(unreached.length > 0 && { unreached }),
    };
  }

  #describe(
    failure: FileFailure,
    { seed, test, cause }: { seed: number; test: string | undefined; cause: Cause | undefined },
  ): FileFailure {
    if (cause !== undefined && cause.kind === undefined) return withMessage(failure, againWithoutFault);
    const { file } = this.#plain;
    const command = this.#plan.commandOf({ file, seed, ...(test !== undefined && { test }) });
    return withChaos(failure, { seed, faults: cause?.kind === undefined ? chaosKinds : [cause.kind], command });
  }

  #seedCountOf({ name }: TestResult): number {
    return this.#seedCounts.get(name) ?? 0;
  }

  /** Returns why a test has not run with all seeds. */
  #reasonOf(test: TestResult, ends: Ends): string {
    const count = this.#seedCountOf(test);
    const what = count === 0 ? 'not run with chaos' : `run with only ${count} of ${this.#plan.seeds.length} seeds`;
    return `${what}: ${this.#endOf(ends)}`;
  }

  #endOf({ signal, bail = false }: Ends): string {
    if (signal.aborted) return 'interrupted';
    const failure = this.#failureOfFile;
    if (failure !== undefined) return `${failure.title}: ${failure.message.split('\n').at(-1)}`;
    return bail && this.hasFailures ? 'a test failed (--bail)' : 'it did not run';
  }
}

const againWithoutFault = 'fails when it is run again, without a fault';

/** Returns the failures of a run without those of tests that did not run. */
export function realFailures({ tests, failures }: FileResult): FileFailure[] {
  const unrun = new Set(tests.filter(({ didNotRun }) => didNotRun).map(({ failure }) => failure));
  return failures.filter((failure) => !unrun.has(failure));
}

function withChaos(failure: FileFailure, chaos: NonNullable<FileFailure['chaos']>): FileFailure {
  const { seed, faults, command } = chaos;
  const by = faults.length === 1 ? faults[0] : `${faults.slice(0, -1).join(', ')} and ${faults.at(-1)} together`;
  return { ...withMessage(failure, `broken by ${by} (seed ${seed})\nrepeat: ${command}`), chaos };
}

function withoutChaos(failure: FileFailure): FileFailure {
  return withMessage(failure, 'fails without chaos');
}

function withMessage(failure: FileFailure, message: string): FileFailure {
  return { ...failure, message: `${message}\n${failure.message}` };
}
