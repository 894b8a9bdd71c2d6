// Computes the totals of a run, whether it passed, and the closing line.

import type { FileFailure, Verdict } from '../verdict.ts';

/** Numbers in the closing line. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Returns the totals over all files. Totals without a failure can still be a failed run, see `isGood`. */
export function totalsOf(results: readonly Verdict[]): Totals {
  const sum = (count: (result: Verdict) => number) => results.reduce((total, result) => total + count(result), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failures }) => failures.length),
    skipped: sum(({ skipped }) => skipped.length),
  };
}

/** Returns `true` if a test passed and none failed. A part of a sharded run may have no tests. */
export function isGood({ passed, failed }: Totals, shard?: string): boolean {
  return failed === 0 && (passed > 0 || shard !== undefined);
}

/** Returns `12 passed, 0 failed`, with `, 3 skipped` for skipped tests. */
export function closingLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Returns why a run without failures did not pass, for report formats whose readers only count failures. */
export function emptiness(totals: Totals, shard?: string): string | undefined {
  if (isGood(totals, shard) || totals.failed > 0) return undefined;
  return totals.skipped > 0 ? 'every test was skipped' : 'no test ran';
}

/**
 * Returns the failures that are not the failure of a test in `tests`: those of hooks or of the file, and further
 * failures of a test.
 */
export function otherFailures({ failures, tests }: Verdict): FileFailure[] {
  const ofTests = new Set(tests.map(({ failure }) => failure));
  return failures.filter((failure) => !ofTests.has(failure));
}
