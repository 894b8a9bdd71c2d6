// Runs a benchmark in several processes of mq. Each one prints its seconds and its part as JSON lines, and ends early if its
// standard input ends, because this process may be killed.

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Context } from '../context.ts';
import { type ErrorCode, exitStatuses, MqError } from '../errors.ts';
import { aborted, interruption } from '../signal.ts';
import type { Failure, Part, Second } from './figures.ts';
import type { Load } from './load.ts';

/** Variable with which a process of a benchmark is started: its number and the number of processes. */
const variable = 'MQ_BENCH_PROCESS';

interface Share {
  readonly index: number;
  readonly of: number;
}

/** Line of a process. */
type Line = ({ readonly type: 'second' } & Second) | ({ readonly type: 'part' } & Part);

/** Returns the share of this process, or `undefined` if it is not a process of a benchmark. */
export function shareOf(env: Context['env']): Share | undefined {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(env[variable] ?? '') ?? [];
  return index === undefined ? undefined : { index: Number(index), of: Number(of) };
}

/** Returns the part of a load that one process sends. */
export function sharedLoad<Some extends Pick<Load, 'count' | 'intervalMs'>>(load: Some, { index, of }: Share): Some {
  const { count, intervalMs } = load;
  return {
    ...load,
    intervalMs: intervalMs && intervalMs * of,
    count: count && Math.floor(count / of) + Number(index < count % of),
  };
}

interface ProcessesParts {
  readonly context: Pick<Context, 'spawn' | 'self' | 'args' | 'env' | 'cwd' | 'drain' | 'abandon'>;
  readonly processes: number;
  readonly stop: AbortSignal;
  readonly onSecond: (second: Second) => void;
  /** Called with each line for people. */
  readonly onNote: (line: string) => void;
}

/**
 * Runs the command line of this process in several processes. Rejects with the error of the first one that has no result,
 * when the others have deleted their queues. A result with a failure ends the others, and a second signal kills them.
 */
export async function runProcesses({ context, processes, stop, ...listeners }: ProcessesParts): Promise<Part[]> {
  const { spawn, self, args, env, cwd, drain, abandon } = context;
  // Errors are read as JSON.
  const typed = args.includes('--json') ? args : ['--json', ...args];
  const children = Array.from({ length: processes }, (_, index) =>
    spawn(self.command, [...self.args, ...typed], {
      cwd,
      env: { ...env, [variable]: `${index}/${processes}` },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A signal of the terminal must reach them once, from this process.
      detached: true,
    }),
  );
  const end = () => {
    for (const child of children) child.stdin?.end();
  };
  const kill = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  void aborted(stop).then(end);
  abandon.addEventListener('abort', kill, { once: true });
  const running = children.map(async (child) => {
    const part = await partOf(child, listeners);
    if (part.failure) end();
    return part;
  });
  try {
    return await Promise.all(running);
  } catch (error) {
    throw abandon.aborted ? interruption(drain, 'stopped by a second signal') : error;
  } finally {
    end();
    await Promise.allSettled(running);
    abandon.removeEventListener('abort', kill);
  }
}

async function partOf(
  child: ChildProcess,
  { onSecond, onNote }: Pick<ProcessesParts, 'onSecond' | 'onNote'>,
): Promise<Part> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new MqError('BUG', 'a process of the benchmark has no output');
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', (cause) => reject(new MqError('SYSTEM', `cannot start mq: ${cause.message}`, { cause })));
    child.once('close', (_status, signal) => resolve(signal));
  });
  ended.catch(() => undefined);
  let failure: Failure | undefined;
  let part: Part | undefined;
  const [signal] = await Promise.all([
    ended,
    eachLine(stderr, (line) => {
      const found = failureIn(line);
      if (found === undefined) onNote(line);
      else failure = found;
    }),
    eachLine(stdout, (line) => {
      const found = lineIn(line);
      if (found?.type === 'second') onSecond(found);
      else if (found?.type === 'part') part = found;
    }),
  ]);
  if (part !== undefined) return part;
  if (failure !== undefined) throw errorOf(failure);
  if (signal === null) throw new MqError('BUG', 'a process of the benchmark ended without a result');
  throw new MqError('SYSTEM', `${signal} ended a process of the benchmark`, {
    hint: 'its queues expire by themselves; the system sends SIGKILL if its memory is full',
  });
}

/** Returns the error of mq for a failure. */
export function errorOf({ code, message, hint }: Failure): MqError {
  return new MqError(isErrorCode(code) ? code : 'BUG', message, hint === undefined ? {} : { hint });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(exitStatuses, code);
}

async function eachLine(stream: Readable, use: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) use(line);
}

function lineIn(text: string): Line | undefined {
  return text.startsWith('{"type":') ? parsed(text) : undefined;
}

/** Returns the failure in a line of `--json`, if the line has one. */
function failureIn(text: string): Failure | undefined {
  const { code, message, hint }: Partial<Failure> = (text.startsWith('{') && parsed(text)) || {};
  return code === undefined || message === undefined ? undefined : { code, message, ...(hint && { hint }) };
}

/** Returns the object of a line. The last line of a process that was killed may be incomplete. */
function parsed<Found>(text: string): Found | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
