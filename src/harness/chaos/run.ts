// Runs a test file without faults, and then again with the faults of each seed. Repeats a failure with each kind of fault
// alone, so that the report names the kind that causes it.

import { type FileOptions, type FileResult, runFile } from '../file-run.ts';
import { type ChaosKind, chaosKinds } from '../target.ts';
import { ChaosResult } from './result.ts';

export interface ChaosOptions {
  readonly seeds: readonly number[];
  /** Returns the command that repeats a failure. `test` is absent if the failure does not belong to a test. */
  readonly commandOf: (failure: { readonly file: string; readonly seed: number; readonly test?: string }) => string;
}

/** Returns one result for all runs of the file. A test stops at the first seed with which it fails. */
export async function runUnderChaos(file: string, options: FileOptions, chaos: ChaosOptions): Promise<FileResult> {
  const plain = await runFile(file, options);
  const result = new ChaosResult(plain, chaos);
  const run = async (seed: number, kinds: readonly ChaosKind[], tests: readonly string[]) => {
    const target = { ...options.target, kind: 'embedded' as const, chaos: { seed, kinds } };
    const again = await runFile(file, { ...options, tests, target });
    result.addTime(again.ms);
    return again;
  };
  for (const seed of chaos.seeds) {
    const tests = result.remaining;
    if (tests.length === 0 || options.signal.aborted) break;
    const again = await run(seed, chaosKinds, tests);
    if (again.failures.length > 0 && !options.signal.aborted) {
      const failed = result.failedTests(again);
      const alone = new Map<ChaosKind, FileResult>();
      for (const kind of chaosKinds) alone.set(kind, await run(seed, [kind], failed.length > 0 ? failed : tests));
      result.addFailures(again, seed, alone);
    }
    result.addPasses(again);
    if (options.bail && result.hasFailures) break;
  }
  return result.whole();
}
