// The sum of a run, whether it is a pass, and the one closing line.

import type { FileFailure, Verdict } from '../judge.ts';

/** What the closing line says. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The sum over files; a run in which no test passed or failed is not a pass, see `isGood`. */
export function totalsOf(results: readonly Verdict[]): Totals {
  const sum = (count: (result: Verdict) => number) => results.reduce((total, result) => total + count(result), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failures }) => failures.length),
    skipped: sum(({ skipped }) => skipped.length),
  };
}

/** True if something passed and nothing failed. One part of a sharded run may have nothing to run: the others have it. */
export function isGood({ passed, failed }: Totals, shard?: string): boolean {
  return failed === 0 && (passed > 0 || shard !== undefined);
}

/** `12 passed, 0 failed`, and `, 3 skipped` where there are any. */
export function closingLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Why a run without a failure is none that passed, for reports whose readers only count failures. */
export function emptiness(totals: Totals, shard?: string): string | undefined {
  if (isGood(totals, shard) || totals.failed > 0) return undefined;
  return totals.skipped > 0 ? 'every test was skipped' : 'no test ran';
}

/** The failures that are not the one of a test in `tests`: of a hook, of the file, the second of a test. */
export function otherFailures({ failures, tests }: Verdict): FileFailure[] {
  const ofTests = new Set(tests.map(({ failure }) => failure));
  return failures.filter((failure) => !ofTests.has(failure));
}
