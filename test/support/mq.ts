// Runs the executable in a folder, with arguments, input and its own environment.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** MQ_EXECUTABLE, or `dist/mq`. */
export const executable = process.env['MQ_EXECUTABLE'] ?? resolve(import.meta.dirname, '../../dist/mq');

export interface MqOptions {
  /** Command. Default `executable`. */
  readonly executable?: string;
  /** Working folder. Default: a new empty folder. */
  readonly cwd?: string;
  /** The environment in addition to PATH and HOME; no other variable is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input. Default: empty and closed. */
  readonly input?: string | Buffer;
  /**
   * Milliseconds without output until the process is killed and the test fails. Default 60,000, as a guard against a hang.
   * Output starts the time again, because a slow machine is no failure.
   */
  readonly deadlineMs?: number;
}

export interface MqResult {
  /** The exit status, or `undefined` if a signal ended the process. */
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as bytes. */
  readonly bytes: Buffer;
}

/** Runs mq to its end. */
export function mq(args: readonly string[], options: MqOptions = {}): Promise<MqResult> {
  const running = startMq(args, options);
  if (options.input === undefined) running.stdin.end();
  return running.ended;
}

export interface RunningMq {
  readonly pid: number;
  readonly stdin: NodeJS.WritableStream;
  /** The output so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until stdout (or stderr) matches. Rejects if mq ends first. */
  prints(pattern: RegExp, stream?: 'stdout' | 'stderr'): Promise<string>;
  kill(signal?: NodeJS.Signals): void;
  /** Closes the read end of stdout (`mq … | head -1`). */
  closeStdout(): void;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<MqResult>;
  readonly ended: Promise<MqResult>;
}

/** Starts mq and returns while it runs. Standard input stays open unless `input` is set. */
export function startMq(args: readonly string[], options: MqOptions = {}): RunningMq {
  const { cwd = emptyFolder(), env = {}, input, deadlineMs = 60_000, executable: file = executable } = options;
  const passed = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...env };
  const child = spawn(file, args, { cwd, env: passed, stdio: 'pipe' });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const watchers = new Set<() => void>();
  const collect = (into: Buffer[]) => (chunk: Buffer) => {
    into.push(chunk);
    limit.refresh();
    for (const watch of watchers) watch();
  };
  child.stdout.on('data', collect(out));
  child.stderr.on('data', collect(err));
  child.stdin.on('error', () => undefined); // mq may end before it reads
  if (input !== undefined) child.stdin.end(input);
  const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString();
  const label = `mq ${args.join(' ')}`;

  let isSilent = false;
  let silent = () => {};
  const limit = setTimeout(() => silent(), deadlineMs);
  const ended = new Promise<MqResult>((done, failed) => {
    silent = () => {
      isSilent = true;
      child.kill('SIGKILL');
      const output = `stdout: ${text(out)}\nstderr: ${text(err)}`;
      failed(new Error(`${label} did not end, and printed nothing for ${deadlineMs} ms\n${output}`));
      for (const watch of watchers) watch();
    };
    child.on('error', failed);
    child.on('close', (status, signal) => {
      clearTimeout(limit);
      done({
        status: status ?? undefined,
        signal: signal ?? undefined,
        stdout: text(out),
        stderr: text(err),
        bytes: Buffer.concat(out),
      });
      for (const watch of watchers) watch();
    });
  });
  ended.catch(() => undefined); // the caller that awaits it handles the error

  const prints = (pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout') =>
    new Promise<string>((done, failed) => {
      const look = () => {
        const so = text(stream === 'stdout' ? out : err);
        if (pattern.test(so)) settle(() => done(so));
        else if (isSilent || child.exitCode !== null || child.signalCode !== null) {
          const how = isSilent ? `printed nothing for ${deadlineMs} ms,` : `ended (${child.exitCode})`;
          settle(() => failed(new Error(`${label} ${how} without ${pattern}\n${text(out)}\n${text(err)}`)));
        }
      };
      const settle = (act: () => void) => {
        watchers.delete(look);
        act();
      };
      watchers.add(look);
      look();
    });

  return {
    pid: child.pid ?? -1,
    stdin: child.stdin,
    stdout: () => text(out),
    stderr: () => text(err),
    prints,
    kill: (signal = 'SIGTERM') => child.kill(signal),
    closeStdout: () => child.stdout.destroy(),
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
    ended,
  };
}

/** Creates a folder with these files (name → text), and returns its path. */
export function emptyFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'mq-test-'));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    if (!existsSync(dirname(path))) throw new Error(`the folder of ${name} does not exist`);
    writeFileSync(path, text);
  }
  return folder;
}
