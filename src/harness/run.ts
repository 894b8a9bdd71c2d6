// Runs test files, several at a time, and returns one result for each file. report.ts formats results, and verdict.ts
// decides whether they pass.

import { type ChaosOptions, runUnderChaos } from './chaos/run.ts';
import { type FileOptions, type FileResult, runFile } from './file-run.ts';

export interface RunOptions extends FileOptions {
  /** Absolute paths, in the order in which to start them. */
  readonly files: readonly string[];
  /** Number of files that run at the same time. */
  readonly jobs: number;
  /** `true` starts no further test of a file, and no further file, after a failure. */
  readonly bail?: boolean;
  /** Runs the tests that pass again, with faults of the broker. */
  readonly chaos?: ChaosOptions;
  readonly onResult: (result: FileResult) => void;
}

/** Returns the results in the order in which the files ended. No file is started after the signal has aborted. */
export async function runFiles(options: RunOptions): Promise<FileResult[]> {
  const { chaos } = options;
  const waiting = [...options.files];
  const results: FileResult[] = [];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined && !options.signal.aborted; file = waiting.shift()) {
      const result = await (chaos === undefined ? runFile(file, options) : runUnderChaos(file, options, chaos));
      results.push(result);
      options.onResult(result);
      if (options.bail && result.failures.length > 0) waiting.length = 0;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.jobs) }, worker));
  return results;
}
