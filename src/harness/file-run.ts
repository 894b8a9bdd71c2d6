// Runs one test file in a process of its own.

import type { ChildProcess } from 'node:child_process';
import { BoundedText } from './file-run/bounded-text.ts';
import { ChildWatch } from './file-run/child-watch.ts';
import type { ChildOptions } from './request.ts';
import { type ChildCommand, startChild } from './start-child.ts';
import type { TargetPlan } from './target.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** Command that starts a child. The child must call `runChild` with the first message. */
interface Launch extends ChildCommand {
  /** Returns a child that is already running, at most once. */
  readonly spare?: () => ChildProcess | undefined;
  /** Kills the process and everything it has started. */
  readonly kill: (pid: number) => void;
}

export interface FileOptions {
  /** Time limit of one test or one hook, in milliseconds. */
  readonly timeoutMs: number;
  readonly filter?: string;
  /** Full names of the tests to run. Defaults to all. */
  readonly tests?: readonly string[];
  readonly launch: Launch;
  readonly target?: TargetPlan;
  /** Returns the name that the user would write for a file. */
  readonly nameOf?: (file: string) => string;
  /** When this signal aborts, running files are killed. */
  readonly signal: AbortSignal;
  /** `true` starts no further test of a file after a failure. */
  readonly bail?: boolean;
}

export interface FileResult extends Verdict {
  readonly file: string;
  readonly ms: number;
  /** Output of the file on stdout and stderr. */
  readonly output: string;
  /** Tests that passed under chaos because no fault reached them. */
  readonly unreached?: readonly UnreachedTest[];
}

export interface UnreachedTest {
  readonly test: string;
  /** `true` if another seed can cause a fault in it, because a role or client received or published a message. */
  readonly isReachable: boolean;
}

/** Runs a file, which is an absolute path. */
export async function runFile(file: string, options: FileOptions): Promise<FileResult> {
  const { launch, timeoutMs, filter, tests, bail, signal, nameOf, target } = options;
  const begun = performance.now();
  const request: ChildOptions = {
    file,
    timeoutMs,
    ...(nameOf && { name: nameOf(file) }),
    ...(filter !== undefined && { filter }),
    ...(tests && { tests }),
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
