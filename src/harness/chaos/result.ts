// Collects the results of the runs of one file under chaos, and combines them into one result.

import type { FileResult } from '../file-run.ts';
import { type ChaosKind, chaosKinds } from '../target.ts';
import type { FileFailure } from '../verdict.ts';

/** A failure with one kind of fault alone, and its run. */
export interface Cause {
  readonly kind: ChaosKind;
  readonly failure: FileFailure;
  readonly result: FileResult;
}

export interface Commands {
  /** Returns the command that repeats a failure. `test` is absent if the failure does not belong to a test. */
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
    const isOfTests = failures.every((failure) => tests.some((test) => test.failure === failure));
    if (!isOfTests || this.#others.length > 0) return [];
    return tests.filter(({ outcome, name }) => outcome === 'pass' && !this.#ofTests.has(name)).map(({ name }) => name);
  }

  addTime(ms: number): void {
    this.#ms += ms;
  }

  /** Adds a run with all kinds of faults. `causes` has its failures that one kind causes alone, by title. */
  add({ tests, failures, output }: FileResult, seed: number, causes: ReadonlyMap<string, Cause>): void {
    for (const { name, faults = 0 } of tests) if (faults > 0) this.#reached.add(name);
    for (const failure of failures) {
      const test = tests.find((one) => one.failure === failure)?.name;
      const cause = causes.get(failure.title);
      const { file } = this.#plain;
      const command = this.#commands.commandOf({ file, seed, ...(test !== undefined && { test }) });
      // The failure with one kind of fault is easier to understand.
      const chaos = { seed, faults: cause === undefined ? chaosKinds : [cause.kind], command };
      const shown = withChaos(cause?.failure ?? failure, chaos);
      this.#output = cause?.result.output ?? output;
      if (test === undefined) this.#others.push(shown);
      else this.#ofTests.set(test, shown);
    }
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

function withChaos(failure: FileFailure, chaos: NonNullable<FileFailure['chaos']>): FileFailure {
  const { seed, faults, command } = chaos;
  const by = faults.length === 1 ? faults[0] : `${faults.slice(0, -1).join(', ')} and ${faults.at(-1)} together`;
  return { ...failure, message: `broken by ${by} (seed ${seed})\nrepeat: ${command}\n${failure.message}`, chaos };
}

function withoutChaos(failure: FileFailure): FileFailure {
  return { ...failure, message: `fails without chaos\n${failure.message}` };
}
