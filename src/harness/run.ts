// Runs test files, each in its own process and several at a time, and returns one result for each file. report.ts
// formats results, and judge.ts decides whether they pass.

import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { type Ending, judge, type Verdict } from './judge.ts';
import { type ChildOptions, loadTimeoutMs } from './request.ts';
import { type ChildCommand, startChild } from './start-child.ts';
import type { TargetPlan } from './target.ts';
import type { TestEvent } from './test-file/event.ts';

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
  /** When aborted, running files are killed and no more are started. */
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
  // A child that could not be started emits an event.
  child.send(request, () => {});
  const watch = watchChild(child, { launch, timeoutMs, signal });
  const output = makeOutput();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', output.add);
  }
  const ending = await watch.ended;
  return {
    file,
    ...judge(watch.events, ending),
    ms: performance.now() - begun,
    output: output.text(),
  };
}

/** Collects the events. Kills a child that has blocked its own event loop or outlived the run. */
function watchChild(
  child: ChildProcess,
  { launch, timeoutMs, signal }: { launch: Launch; timeoutMs: number; signal: AbortSignal },
): { events: TestEvent[]; ended: Promise<Ending> } {
  const events: TestEvent[] = [];
  let killed: string | undefined;
  const kill = (why: string) => {
    killed ??= why;
    if (child.pid !== undefined) launch.kill(child.pid);
  };
  // The child enforces its deadlines itself while its event loop runs. This timer covers a blocked event loop.
  let watchdog: NodeJS.Timeout | undefined;
  let expectedMs: number | undefined;
  const expect = (deadlineMs: number) => {
    if (deadlineMs === expectedMs) return void watchdog?.refresh();
    expectedMs = deadlineMs;
    const quietMs = deadlineMs + Math.min(2 * deadlineMs, blockedGraceMs);
    clearTimeout(watchdog);
    watchdog = setTimeout(() => kill(`the process was silent for ${quietMs} ms and was ended`), quietMs);
  };
  expect(loadTimeoutMs);
  const onAbort = () => kill('the run was interrupted');
  signal.addEventListener('abort', onAbort, { once: true });
  child.on('message', (some) => {
    events.push(...(some as TestEvent[]));
    expect(timeoutMs);
  });
  const ended = new Promise<Ending>((resolve) => {
    const settle = (ending: Ending) => {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', onAbort);
      resolve(killed === undefined ? ending : { ...ending, killed });
    };
    child.once('error', (error) => settle({ code: null, signal: null, killed: error.message }));
    child.once('exit', async (code, exitSignal) => {
      // Processes that the file has left running are killed with it, and then its pipes close.
      if (child.pid !== undefined) launch.kill(child.pid);
      const closed = new Promise((resolve) => child.once('close', resolve));
      await Promise.race([closed, delay(pipeGraceMs, undefined, { ref: false })]);
      settle({ code, signal: exitSignal });
    });
  });
  return { events, ended };
}

/** This is longer than the child waits for its own end. */
const blockedGraceMs = 6_000;
/** A process in another process group may keep the file's stdout open. */
const pipeGraceMs = 1_000;

/** Collects the output of a file. If there is too much, it keeps the end, which contains the failure. */
function makeOutput() {
  let chunks: string[] = [];
  let length = 0;
  let left = 0;
  const shorten = () => {
    const text = chunks.join('');
    left += text.length - mostOutput;
    chunks = [text.slice(-mostOutput)];
    length = mostOutput;
  };
  return {
    add: (text: string) => {
      chunks.push(text);
      length += text.length;
      if (length > 2 * mostOutput) shorten();
    },
    text: () => {
      if (length > mostOutput) shorten();
      const text = chunks.join('').trimEnd();
      return left === 0 ? text : `(${left} characters left out)\n${text.slice(text.indexOf('\n') + 1)}`;
    },
  };
}

const mostOutput = 256 * 1024;
