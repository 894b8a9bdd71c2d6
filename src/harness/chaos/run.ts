// Runs a test file without faults, and then again with the faults of each seed. Repeats a failure with one kind of fault
// at a time, so that the report names the kind that causes it. All runs follow each other, because tests of one file may
// share files and servers outside the broker.

import { type FileOptions, type FileResult, runFile } from '../file-run.ts';
import { type ChaosKind, chaosKinds } from '../target.ts';
import { type Cause, ChaosResult, type Commands } from './result.ts';

export interface ChaosOptions extends Commands {
  readonly seeds: readonly number[];
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
  for (const seed of chaos.seeds) {
    const tests = result.remaining;
    const isOver = tests.length === 0 || options.signal.aborted || (options.bail && result.hasFailures);
    if (isOver) break;
    chaos.onRun({ file, seed });
    const again = await run(seed, chaosKinds, tests);
    const causes = await causesOf(again, async (kind, failed) => run(seed, [kind], failed.length > 0 ? failed : tests));
    if (!options.signal.aborted) result.add(again, seed, causes);
  }
  return result.whole();
}

type Run = (seed: number, kinds: readonly ChaosKind[], tests: readonly string[]) => Promise<FileResult>;

/** Returns the first kind of fault that causes a failure alone, by the title of the failure. */
async function causesOf(
  { tests, failures }: FileResult,
  repeat: (kind: ChaosKind, failed: readonly string[]) => Promise<FileResult>,
): Promise<ReadonlyMap<string, Cause>> {
  const causes = new Map<string, Cause>();
  for (const kind of chaosKinds) {
    const open = failures.filter(({ title }) => !causes.has(title));
    if (open.length === 0) break;
    const failed = tests.filter(({ failure }) => failure !== undefined && open.includes(failure));
    // A failure that does not belong to a test may need all tests.
    const isOfTests = failed.length === open.length;
    const result = await repeat(kind, isOfTests ? failed.map(({ name }) => name) : []);
    for (const failure of result.failures) {
      if (open.some(({ title }) => title === failure.title)) causes.set(failure.title, { kind, failure, result });
    }
  }
  return causes;
}
