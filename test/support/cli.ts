// Runs a command line in this process, with streams of the test: a pipe, or a terminal of a given width.

import { spawn } from 'node:child_process';
import { PassThrough, Readable, Writable } from 'node:stream';
import { cli } from '../../src/cli/cli.ts';

export interface CliRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Working folder. Default: a folder without a rascal.json. */
  readonly cwd?: string;
  /** Input, piped or typed on the terminal. */
  readonly input?: string | Readable;
  /** Columns of the terminal. Without it the streams are pipes. */
  readonly terminal?: number | undefined;
  /** The first signal. */
  readonly drain?: AbortSignal;
  /** Rejects with an uncaught error. */
  readonly stray?: Promise<never>;
  /** Receives all of stdout each time it grows. */
  readonly onOutput?: (stdout: string) => void;
  /** Receives all of stderr each time it grows. */
  readonly onErrors?: (stderr: string) => void;
}

export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { env = {}, cwd = import.meta.dirname, input, terminal, drain, stray, onOutput, onErrors } = options;
  const never = new AbortController().signal;
  const texts = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => {
    const stream = new Writable({
      write(chunk: Buffer, _encoding, next) {
        texts[name] += chunk;
        if (name === 'stdout') onOutput?.(texts.stdout);
        else onErrors?.(texts.stderr);
        next();
      },
    });
    return terminal === undefined ? stream : Object.assign(stream, { isTTY: true, columns: terminal, rows: 24 });
  };
  const typed = typeof input === 'string' ? Readable.from([input]) : (input ?? new PassThrough().end());
  const status = await cli({
    args,
    env,
    cwd,
    stdin: () => (terminal === undefined ? typed : Object.assign(typed, { isTTY: true })),
    stdout: output('stdout'),
    stderr: output('stderr'),
    drain: drain ?? never,
    abandon: never,
    giveUp: () => undefined,
    ...(process.getuid && { uid: process.getuid() }),
    pid: 1,
    isAlive: () => true,
    memoryBytes: 1024 ** 3,
    kill: () => undefined,
    spawn,
    stray: stray ?? new Promise<never>(() => undefined),
    self: { command: '', args: [] },
  });
  return { status, ...texts };
}

/** Returns the objects that --json printed. */
export function objects({ stdout }: Pick<CliRun, 'stdout'>): Record<string, unknown>[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
