// Results as text: a line a file, what failed and why, and the one closing line.

import { relative, sep } from 'node:path';
import type { FileFailure } from './judge.ts';
import type { FileResult } from './run.ts';

/** What the closing line says. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One file: a line with counts and time, a line for each skipped test, then the failures in full. */
export function drawFile(result: FileResult, cwd: string): string {
  const { file, passed, failures, skipped, ms, output } = result;
  const mark = failures.length > 0 ? 'FAIL' : passed > 0 ? 'ok  ' : 'skip';
  const counts = countsOf({ passed, failed: failures.length, skipped: skipped.length });
  const lines = [`${mark} ${relative(cwd, file)} (${counts}, ${Math.round(ms)} ms)`];
  for (const { test, reason } of skipped) lines.push(`       skipped "${test}": ${reason}`);
  for (const failure of failures) lines.push(...drawFailure(failure, cwd));
  if (failures.length > 0 && output !== '') lines.push('', '  output:', ...indented(output, '    '));
  if (failures.length > 0) lines.push('');
  return lines.join('\n');
}

/** The sum over files; a run in which no test passed or failed is not a pass, see `isGood`. */
export function totalsOf(results: readonly FileResult[]): Totals {
  const sum = (count: (result: FileResult) => number) => results.reduce((total, result) => total + count(result), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failures }) => failures.length),
    skipped: sum(({ skipped }) => skipped.length),
  };
}

/** True if something passed and nothing failed. */
export function isGood({ passed, failed }: Totals): boolean {
  return failed === 0 && passed > 0;
}

/** `12 passed, 0 failed`, and `, 3 skipped` where there are any. */
export function closingLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function countsOf({ passed, failed, skipped }: Totals): string {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(', ');
}

function drawFailure({ title, message, details, stack }: FileFailure, cwd: string): string[] {
  const lines = ['', `  ${title}`, ...indented(message, '    ')];
  if (details !== undefined) lines.push(...indented(details, '      '));
  for (const frame of stack) lines.push(`      ${frame.replace(cwd + sep, '')}`);
  return lines;
}

function indented(text: string, by: string): string[] {
  return text.split('\n').map((line) => by + line);
}
