// A role that a test has started: a process of this program that uses the file's broker.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { FileTarget } from './target.ts';

export interface RoleOptions {
  /** Standard input. It is empty by default. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Time limit in milliseconds. Default 10,000. */
  readonly within?: number;
}

export interface RoleEnd {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningRole {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Returns the content of stdout (or stderr) once it matches. Throws if the role ends or the time is up. */
  prints(pattern: RegExp | string, options?: { within?: number; on?: 'stdout' | 'stderr' }): Promise<string>;
  kill(signal?: NodeJS.Signals): void;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<RoleEnd>;
  readonly ended: Promise<RoleEnd>;
}

export interface StartedRole extends RunningRole {
  /** Command line of the role. */
  readonly label: string;
}

/**
 * Starts a role. `onStart` receives it at once, even if it fails later. Resolves when the role waits for messages or
 * has ended normally. Rejects if it ended with an error before that.
 */
export async function startRole(
  { launch, urls }: FileTarget,
  args: readonly string[],
  options: RoleOptions,
  onStart: (role: StartedRole) => void,
): Promise<RunningRole> {
  const { within = 10_000 } = options;
  const label = `mq ${args.join(' ')}`;
  const child = spawn(launch.command, [...launch.args, ...args], {
    env: { ...launch.env, MQ_URL: urls.join(','), ...options.env },
    // A role reports over IPC that it is ready, independently of its log format and level.
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  }) as ChildProcessWithoutNullStreams;
  const texts = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  const tell = () => {
    for (const watch of watchers) watch();
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      tell();
    });
  }
  let hasAnnounced = false;
  child.on('message', (message) => {
    hasAnnounced ||= message === 'ready';
    tell();
  });
  child.stdin.on('error', () => undefined); // it may end before it reads its input
  child.stdin.end(options.input ?? '');

  let end: RoleEnd | undefined;
  const ended = new Promise<RoleEnd>((resolve) => {
    const settle = (status: number | null, signal: string | null) => {
      end = { status, signal, ...texts };
      resolve(end);
      tell();
    };
    child.once('close', settle);
    child.once('error', (error) => {
      texts.stderr += error.message;
      settle(null, null);
    });
  });
  // stderr is already part of the test's failure.
  const said = () => `stdout: ${texts.stdout.trimEnd()}`;
  const until = <T>(what: string, look: () => T | undefined, withinMs: number): Promise<T> =>
    new Promise((resolve, reject) => {
      const watch = () => {
        const found = look();
        if (found !== undefined) settle(() => resolve(found));
        else if (end !== undefined)
          settle(() => reject(new Error(`${label} ended with ${end?.status ?? end?.signal}, ${what}\n${said()}`)));
      };
      const timer = setTimeout(
        () => settle(() => reject(new Error(`${label}: not within ${withinMs} ms: ${what}\n${said()}`))),
        withinMs,
      );
      const settle = (act: () => void) => {
        clearTimeout(timer);
        watchers.delete(watch);
        act();
      };
      watchers.add(watch);
      watch();
    });
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => void child.kill(signal);
  const role: StartedRole = {
    label,
    pid: child.pid ?? -1,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    prints: (pattern, { within: withinMs = within, on = 'stdout' } = {}) =>
      until(`it printed no ${pattern}`, () => (isIn(texts[on], pattern) ? texts[on] : undefined), withinMs),
    kill,
    stop: () => {
      kill();
      return ended;
    },
    ended,
  };
  onStart(role);
  try {
    const isReady = () => hasAnnounced || readyLine.test(texts.stderr + texts.stdout) || end?.status === 0;
    await until('it did not begin to wait for messages', () => isReady() || undefined, within);
  } catch (error) {
    kill('SIGKILL');
    throw error;
  }
  return role;
}

/** Commands without a log, such as `mq web`, print a ready line, with --json as an object. */
const readyLine = /^ready: |^\{"event":"ready"/m;

function isIn(text: string, pattern: RegExp | string): boolean {
  return typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text);
}
