// Runs test files, each in its own process and several at a time, and returns one result for each file. report.ts
// formats results, and verdict.ts decides whether they pass.

import type { ChildProcess } from 'node:child_process';
import { BoundedText } from './bounded-text.ts';
import { ChildWatch } from './child-watch.ts';
import type { ChildOptions } from './request.ts';
import { type ChildCommand, startChild } from './start-child.ts';
import type { TargetPlan } from './target.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** Command that starts a child. The child must call `runChild` with the first message. */
export interface Launch extends ChildCommand {
  /** Returns a child that is already running, at most once. */
  readonly spare?: () => ChildProcess | undefined;
  /** Kills the process and everything it has started. */
  readonly kill: (pid: number) => void;
}

export interface RunOptions {
  /** Absolute paths, in the order in which to start them. */
  readonly files: readonly string[];
  /** Number of files that run at the same time. */
  readonly jobs: number;
  /** Time limit of one test or one hook, in milliseconds. */
  readonly timeoutMs: number;
  readonly filter?: string;
  readonly launch: Launch;
  readonly target?: TargetPlan;
  /** Returns the name that the user would write for a file. */
  readonly nameOf?: (file: string) => string;
  /** When this signal aborts, running files are killed and no further files are started. */
  readonly signal: AbortSignal;
  /** `true` starts no further test of a file, and no further file, after a failure. */
  readonly bail?: boolean;
  readonly onResult: (result: FileResult) => void;
}

export interface FileResult extends Verdict {
  readonly file: string;
  readonly ms: number;
  /** Output of the file on stdout and stderr. */
  readonly output: string;
}

/** Returns the results in the order in which the files ended. */
export async function runFiles(options: RunOptions): Promise<FileResult[]> {
  const waiting = [...options.files];
  const results: FileResult[] = [];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined && !options.signal.aborted; file = waiting.shift()) {
      const result = await runFile(file, options);
      results.push(result);
      options.onResult(result);
      if (options.bail && result.failures.length > 0) waiting.length = 0;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.jobs) }, worker));
  return results;
}

async function runFile(file: string, options: RunOptions): Promise<FileResult> {
  const { launch, timeoutMs, filter, bail, signal, nameOf, target } = options;
  const begun = performance.now();
  const request: ChildOptions = {
    file,
    timeoutMs,
    ...(nameOf && { name: nameOf(file) }),
    ...(filter !== undefined && { filter }),
    ...(target && { target }),
    ...(bail && { bail }),
  };
  const child = launch.spare?.() ?? startChild(launch);
  const watch = new ChildWatch(child, { launch, timeoutMs, signal });
  const output = new BoundedText(mostOutput);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => output.add(text));
  }
  // The result of sending is ignored: if the child could not be started, ChildWatch reports it.
  child.send(request, () => {});
  const ending = await watch.ended;
  return {
    file,
    ...verdictOf(watch.events, ending),
    ms: performance.now() - begun,
    output: output.text(),
  };
}

/** Number of characters of a file's output that are kept. */
const mostOutput = 256 * 1024;
