// Collects the results of the runs of one file under chaos, and combines them into one result.

import type { FileResult } from '../file-run.ts';
import type { ChaosCause, FileFailure } from '../verdict.ts';

type Causes = ReadonlyMap<string, FileResult>;

interface Commands {
  readonly commandOf: (failure: { readonly file: string; readonly seed: number; readonly test?: string }) => string;
}

export class ChaosResult {
  readonly #plain: FileResult;
  readonly #commands: Commands;
  /** Failures under chaos by the name of the test. */
  readonly #ofTests = new Map<string, FileFailure>();
  /** Failures under chaos that do not belong to a test. */
  readonly #others: FileFailure[] = [];
  /** Names of the tests that at least one fault has reached. */
  readonly #reached = new Set<string>();
  #ms: number;
  #output: string;

  constructor(plain: FileResult, commands: Commands) {
    this.#plain = plain;
    this.#commands = commands;
    this.#ms = plain.ms;
    this.#output = plain.output;
  }

  get hasFailures(): boolean {
    return this.#plain.failures.length + this.#ofTests.size + this.#others.length > 0;
  }

  /** Names of the tests that have not failed yet. Empty after a failure that does not belong to a test. */
  get remaining(): string[] {
    const { tests, failures } = this.#plain;
    const isWhole = failures.every((failure) => tests.some((test) => test.failure === failure));
    if (!isWhole || this.#others.length > 0) return [];
    return tests.filter(({ outcome, name }) => outcome === 'pass' && !this.#ofTests.has(name)).map(({ name }) => name);
  }

  addTime(ms: number): void {
    this.#ms += ms;
  }

  /** Returns the names of the tests that have failed in a run. */
  failedTests({ tests }: FileResult): string[] {
    return tests.filter(({ outcome }) => outcome === 'fail').map(({ name }) => name);
  }

  /** Adds the failures of a run. `alone` contains its repetitions with one kind of fault. */
  addFailures({ tests, failures, output }: FileResult, seed: number, alone: Causes): void {
    this.#output = output;
    for (const failure of failures) {
      const test = tests.find((one) => one.failure === failure)?.name;
      const { file } = this.#plain;
      const command = this.#commands.commandOf({ file, seed, ...(test !== undefined && { test }) });
      const cause = { seed, faults: causesOf(failure, alone), command };
      this.#reached.add(test ?? '');
      if (test === undefined) this.#others.push(withCause(failure, cause));
      else this.#ofTests.set(test, withCause(failure, cause));
    }
  }

  addPasses({ tests }: FileResult): void {
    for (const { name, faults = 0 } of tests) if (faults > 0) this.#reached.add(name);
  }

  whole(): FileResult {
    const plain = new Map(this.#plain.failures.map((failure) => [failure, withoutChaos(failure)]));
    const tests = this.#plain.tests.map((test) => {
      const failure = this.#ofTests.get(test.name) ?? (test.failure && plain.get(test.failure));
      return failure === undefined ? test : { ...test, outcome: 'fail' as const, failure };
    });
    const passed = tests.filter(({ outcome }) => outcome === 'pass');
    const unreached = passed.filter(({ name }) => !this.#reached.has(name)).map(({ name }) => name);
    return {
      ...this.#plain,
      tests,
      passed: passed.length,
      failures: [...plain.values(), ...this.#ofTests.values(), ...this.#others],
      ms: this.#ms,
      output: this.#output,
      ...(unreached.length > 0 && { unreached }),
    };
  }
}

/** Returns the kinds of faults that cause the failure alone. */
function causesOf({ title }: FileFailure, alone: Causes): string[] {
  return [...alone].filter(([, { failures }]) => failures.some((one) => one.title === title)).map(([kind]) => kind);
}

function withCause(failure: FileFailure, cause: ChaosCause): FileFailure {
  const { seed, faults, command } = cause;
  const by = faults.length > 0 ? faults.join(', and by ') : 'several faults together';
  return {
    ...failure,
    message: `broken by ${by} (seed ${seed}); repeat it with\n  ${command}\n${failure.message}`,
    chaos: cause,
  };
}

function withoutChaos(failure: FileFailure): FileFailure {
  return { ...failure, message: `fails without chaos\n${failure.message}` };
}
