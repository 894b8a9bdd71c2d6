// Runs a test file without faults, and then again with the faults of each seed. Repeats a failure without faults and
// with one kind of fault at a time, so that the report names its cause. All runs follow each other, because tests of one file may
// share files and servers outside the broker.

import { type FileOptions, type FileResult, runFile } from '../file-run.ts';
import { type ChaosKind, chaosKinds } from '../target.ts';
import { type Cause, type ChaosPlan, ChaosResult, realFailures } from './result.ts';

export interface ChaosOptions extends ChaosPlan {
  /** Called before the run of a file with a seed. */
  readonly onRun: (run: { readonly file: string; readonly seed: number }) => void;
}

/** Returns one result for all runs of the file. A test stops at the first seed with which it fails. */
export async function runUnderChaos(file: string, options: FileOptions, chaos: ChaosOptions): Promise<FileResult> {
  const result = new ChaosResult(await runFile(file, options), chaos);
  const run: Run = async (seed, kinds, tests) => {
    const target = { ...options.target, kind: 'embedded' as const, chaos: { seed, kinds } };
    const again = await runFile(file, { ...options, tests, target });
    result.addTime(again.ms);
    return again;
  };
  const isOver = () => options.signal.aborted || (options.bail === true && result.hasFailures);
  for (const seed of chaos.seeds) {
    let tests = result.remaining;
    if (tests.length === 0 || isOver()) break;
    chaos.onRun({ file, seed });
    while (tests.length > 0 && !isOver()) tests = await runSeed(result, { seed, tests, run, signal: options.signal });
  }
  return result.whole(options);
}

interface SeedRun {
  readonly seed: number;
  readonly tests: readonly string[];
  readonly run: Run;
  readonly signal: AbortSignal;
}

/** Runs the tests with a seed. Returns the tests that did not run because another one has ended the process. */
async function runSeed(result: ChaosResult, { seed, tests, run, signal }: SeedRun): Promise<string[]> {
  const again = await run(seed, chaosKinds, tests);
  // A run that was interrupted has no cause to look for.
  if (signal.aborted) return [];
  const repeat: Repeat = (kinds, failed) => run(seed, kinds, failed.length > 0 ? failed : tests);
  const causes = await causesOf(again, repeat, signal);
  if (signal.aborted) return [];
  result.add(again, seed, causes);
  const unrun = again.tests.filter(({ didNotRun }) => didNotRun).map(({ name }) => name);
  return unrun.length < tests.length && result.remaining.length > 0 ? unrun : [];
}

type Repeat = (kinds: readonly ChaosKind[], failed: readonly string[]) => Promise<FileResult>;
type Run = (seed: number, kinds: readonly ChaosKind[], tests: readonly string[]) => Promise<FileResult>;

/** Returns the first cause of each failure by its title: no fault at all, or one kind of fault alone. */
async function causesOf(again: FileResult, repeat: Repeat, signal: AbortSignal): Promise<ReadonlyMap<string, Cause>> {
  const causes = new Map<string, Cause>();
  const failures = realFailures(again);
  for (const kind of [undefined, ...chaosKinds]) {
    const open = failures.filter(({ title }) => !causes.has(title));
    if (open.length === 0 || signal.aborted) break;
    const failed = again.tests.filter(({ failure }) => failure !== undefined && open.includes(failure));
    // A failure that does not belong to a test may need all tests.
    const isOfTests = failed.length === open.length;
    const result = await repeat(kind === undefined ? [] : [kind], isOfTests ? failed.map(({ name }) => name) : []);
    for (const failure of realFailures(result)) {
      if (open.some(({ title }) => title === failure.title)) causes.set(failure.title, { kind, failure, result });
    }
  }
  return causes;
}
