// Runs commands in the process of the build, so that V8 compiles the functions that short commands need.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import type * as Cli from '../cli/cli.ts';
import type { Context } from '../context.ts';
import { exitStatuses } from '../errors.ts';

export type CommandLine = Pick<typeof Cli, 'cli' | 'completions'>;

/**
 * Returns commands with their exit status. They need no broker: `mq demo` runs each behaviour on an embedded one, and
 * nothing listens on the port.
 */
function commandsWith(unusedPort: number): readonly (readonly [args: readonly string[], status: number])[] {
  return [
    [['--help'], 0],
    [['publish', '--help'], 0],
    [['init'], 0],
    [['check'], 0],
    [['task', 'x', '--url', `amqp://127.0.0.1:${unusedPort}`], exitStatuses.UNAVAILABLE],
    [['demo', '--json'], 0],
  ];
}

/** Throws if a command ends with another status. */
export async function trainingRun({ cli, completions }: CommandLine): Promise<void> {
  const cwd = await mkdtemp(join(tmpdir(), 'mq-training-'));
  try {
    for (const [args, expected] of commandsWith(await unusedPort())) {
      const errors: string[] = [];
      const status = await cli(contextOf({ args, cwd, errors }));
      if (status !== expected) throw new Error(`mq ${args.join(' ')} ended with ${status}: ${errors.join('')}`);
    }
    await completions(['--', 'publish', ''], { env: {}, cwd });
  } finally {
    await rm(cwd, { recursive: true });
  }
}

/** Returns a port that was free a moment ago. A fixed port may be in use, and the build would then fail. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 1;
}

function contextOf({ args, cwd, errors }: { args: readonly string[]; cwd: string; errors: string[] }): Context {
  const never = new AbortController().signal;
  const output = (keep: (text: string) => void) =>
    new Writable({
      write(chunk, _encoding, next) {
        keep(String(chunk));
        next();
      },
    });
  return {
    args,
    env: { HOME: cwd },
    cwd,
    stdin: () => new PassThrough().end(),
    stdout: output(() => undefined),
    stderr: output((text) => errors.push(text)),
    drain: never,
    abandon: never,
    giveUp: () => undefined,
    stray: new Promise<never>(() => undefined),
    pid: process.pid,
    isAlive: () => true,
    memoryBytes: 1024 ** 3,
    kill: () => undefined,
    self: { command: process.execPath, args: [] },
  };
}
