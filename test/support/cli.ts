// Runs a command line in this process, with streams of a test's own: a pipe, or a terminal of a given width.

import { PassThrough, Readable, Writable } from 'node:stream';
import { cli } from '../../src/cli/cli.ts';

export interface CliRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Where a rascal.json would be; default: where there is none. */
  readonly cwd?: string;
  /** What is piped in, or typed on a terminal. */
  readonly input?: string | Readable;
  /** Columns of the terminal; without it there is none. */
  readonly terminal?: number | undefined;
  /** The first signal. */
  readonly drain?: AbortSignal;
  /** Called with all of stdout, whenever it grows. */
  readonly onOutput?: (stdout: string) => void;
}

export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { env = {}, cwd = import.meta.dirname, input, terminal, drain, onOutput } = options;
  const never = new AbortController().signal;
  const texts = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => {
    const stream = new Writable({
      write(chunk: Buffer, _encoding, next) {
        texts[name] += chunk;
        if (name === 'stdout') onOutput?.(texts.stdout);
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
    stdin: terminal === undefined ? typed : Object.assign(typed, { isTTY: true }),
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
    stray: new Promise<never>(() => undefined),
    self: { command: '', args: [] },
  });
  return { status, ...texts };
}

/** The objects that --json has printed. */
export function objects({ stdout }: Pick<CliRun, 'stdout'>): Record<string, unknown>[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
