// Runs test files, each in a process of its own, some at a time, and gives one result a file. What a result looks
// like is report.ts's business; whether it is a pass is judge.ts's.

import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestEvent } from './event.ts';
import { type Ending, judge, type Verdict } from './judge.ts';
import { type ChildOptions, loadTimeoutMs } from './request.ts';
import { type ChildCommand, startChild } from './start-child.ts';
import type { TargetPlan } from './target.ts';

/** How a child is started: it has to call `runChild` with the first message. */
export interface Launch extends ChildCommand {
  /** Gives one that is started already, once at most. */
  readonly spare?: () => ChildProcess | undefined;
  /** Ends the process and all it has started. */
  readonly kill: (pid: number) => void;
}

export interface RunOptions {
  /** Absolute, in the order they are to be started. */
  readonly files: readonly string[];
  /** How many files run at the same time. */
  readonly jobs: number;
  /** For one test or one hook. */
  readonly timeoutMs: number;
  readonly filter?: string;
  readonly launch: Launch;
  readonly target?: TargetPlan;
  /** As the user would name a file. */
  readonly nameOf?: (file: string) => string;
  /** Aborted: what runs is ended and nothing more is started. */
  readonly signal: AbortSignal;
  /** true: start no further test of a file, and no further file, after one that failed. */
  readonly bail?: boolean;
  readonly onResult: (result: FileResult) => void;
}

export interface FileResult extends Verdict {
  readonly file: string;
  readonly ms: number;
  /** What the file wrote to stdout and stderr. */
  readonly output: string;
}

/** The results, in the order in which the files ended. */
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
  // One that could not be started says so by an event.
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

/** Collects the events, and ends a child that has blocked its own event loop or outlived the run. */
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
  // The child keeps its deadlines by itself as long as its event loop turns; this is for when it does not.
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
      // What the file has started and left behind ends with it, and then its pipes close.
      if (child.pid !== undefined) launch.kill(child.pid);
      const closed = new Promise((resolve) => child.once('close', resolve));
      await Promise.race([closed, delay(pipeGraceMs, undefined, { ref: false })]);
      settle({ code, signal: exitSignal });
    });
  });
  return { events, ended };
}

/** Longer than what the child itself waits for its own end. */
const blockedGraceMs = 6_000;
/** A process with a group of its own may hold the file's stdout open. */
const pipeGraceMs = 1_000;

/** What a file wrote; of much the end, where a failure is. */
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
