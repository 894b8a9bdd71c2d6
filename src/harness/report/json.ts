// Writes results as JSON lines. The shapes are a contract; fields may be added.

import type { FileResult } from '../file-run.ts';
import type { ChaosCause, FileFailure } from '../verdict.ts';
import { pathFrom, placeOf } from './place.ts';
import type { ReportContext, Reporter } from './reporter.ts';
import { isGood, totalsOf } from './totals.ts';

/** One line. Paths are relative to the folder of the run and use `/`. Times are in milliseconds. */
export type JsonLine =
  | { event: 'start'; files: number; target: string; seed?: number; shard?: string }
  /** `failure` is set for outcome `fail`, `reason` for outcome `skip`. */
  | {
      event: 'test';
      file: string;
      name: string;
      line?: number;
      outcome: 'pass' | 'fail' | 'skip';
      ms: number;
      failure?: JsonFailure;
      reason?: string;
    }
  /**
   * Follows the tests of the file. `failures` also includes failures that do not belong to a test. `failed` is the
   * number of failures.
   */
  | {
      event: 'file';
      file: string;
      passed: number;
      failed: number;
      skipped: number;
      ms: number;
      failures: JsonFailure[];
      output: string;
    }
  | { event: 'note'; text: string }
  /** `ok` is true if a test passed, none failed and the run was not interrupted. A shard without tests is also ok. */
  | {
      event: 'finish';
      ok: boolean;
      passed: number;
      failed: number;
      skipped: number;
      ms: number;
      interrupted?: string;
    };

/** A failure. `title` is the name of the test in quotes, or what else failed. */
export interface JsonFailure {
  title: string;
  message: string;
  details?: string;
  stack: readonly string[];
  /** stderr of the test's roles. */
  roles?: string;
  at: { file: string; line: number; column?: number };
  /** Cause of a failure that occurs only with --chaos, and the command that repeats it. */
  chaos?: ChaosCause;
}

export const json: Reporter = (context) => {
  const results: FileResult[] = [];
  return (event) => {
    switch (event.type) {
      case 'start': {
        const { files, target, seed, shard } = event;
        return line({
          event: 'start',
          files,
          target,
          ...(seed !== undefined && { seed }),
          ...(shard !== undefined && { shard }),
        });
      }
      case 'file':
        results.push(event.result);
        return linesOf(event.result, context).map(line).join('');
      case 'note':
        return line({ event: 'note', text: event.text });
      case 'finish': {
        const totals = totalsOf(results);
        const { ms, interrupted, shard } = event;
        const ok = isGood(totals, shard) && interrupted === undefined;
        return line({
          event: 'finish',
          ok,
          ...totals,
          ms: rounded(ms),
          ...(interrupted !== undefined && { interrupted }),
        });
      }
    }
  };
};

function linesOf(result: FileResult, { cwd, read }: ReportContext): JsonLine[] {
  const file = pathFrom(cwd, result.file);
  const shown = (failure: FileFailure): JsonFailure => {
    const place = placeOf(failure, result, read);
    return { ...failure, at: { ...place, file: pathFrom(cwd, place.file) } };
  };
  const tests = result.tests.map(
    ({ name, line: at, outcome, ms, failure, reason }): JsonLine => ({
      event: 'test',
      file,
      name,
      ...(at !== undefined && { line: at }),
      outcome,
      ms: rounded(ms),
      ...(failure !== undefined && { failure: shown(failure) }),
      ...(reason !== undefined && { reason }),
    }),
  );
  const { passed, failed, skipped } = totalsOf([result]);
  const failures = result.failures.map(shown);
  const { ms, output } = result;
  return [...tests, { event: 'file', file, passed, failed, skipped, ms: rounded(ms), failures, output }];
}

function line(object: JsonLine): string {
  return `${JSON.stringify(object)}\n`;
}

function rounded(ms: number): number {
  return Number(ms.toFixed(3));
}
