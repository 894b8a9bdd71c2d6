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
  /** Milliseconds until the process is killed and the test fails. Default 60,000, as a guard against a hang. */
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
  /** Waits until stdout (or stderr) matches. Rejects if mq ends or the deadline passes first. */
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
    for (const watch of watchers) watch();
  };
  child.stdout.on('data', collect(out));
  child.stderr.on('data', collect(err));
  child.stdin.on('error', () => undefined); // mq may end before it reads
  if (input !== undefined) child.stdin.end(input);
  const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString();
  const label = `mq ${args.join(' ')}`;

  const ended = new Promise<MqResult>((done, failed) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      failed(new Error(`${label} did not end in ${deadlineMs} ms\nstdout: ${text(out)}\nstderr: ${text(err)}`));
    }, deadlineMs);
    child.on('error', failed);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
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
        else if (child.exitCode !== null || child.signalCode !== null) {
          settle(() =>
            failed(new Error(`${label} ended (${child.exitCode}) without ${pattern}\n${text(out)}\n${text(err)}`)),
          );
        }
      };
      const timer = setTimeout(
        () => settle(() => failed(new Error(`${label} did not print ${pattern}\n${text(out)}\n${text(err)}`))),
        deadlineMs,
      );
      const settle = (act: () => void) => {
        clearTimeout(timer);
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
