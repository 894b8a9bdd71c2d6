// Runs commands in the process of the build, so that V8 compiles the functions that short commands need.

import { spawn } from 'node:child_process';
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

/** Returns commands with their exit status. They need no broker: nothing listens on the port. */
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

/** Returns commands that succeed with the rascal.json of `mq init` and this broker. */
function commandsOn({ url, management }: Ready): readonly (readonly string[])[] {
  return [
    ['task', 'x', '--url', url],
    ['publish', 'task', 'x', '--url', url],
    ['subscribe', 'task', '--count', '1', '--url', url],
    ['worker', '--count', '1', '--url', url],
    ['admin', 'list', 'queues', '--url', url, '--management-url', management],
  ];
}

/** The line that `mq broker --json` prints. */
interface Ready {
  readonly url: string;
  readonly management: string;
}

/** Throws if a command ends with another status. */
export async function trainingRun({ cli, completions }: CommandLine): Promise<void> {
  const cwd = await mkdtemp(join(tmpdir(), 'mq-training-'));
  try {
    const run = async (args: readonly string[], expected: number, given: Partial<Context> = {}) => {
      const errors: string[] = [];
      const status = await cli({ ...contextOf({ args, cwd, errors }), ...given });
      if (status !== expected) throw new Error(`mq ${args.join(' ')} ended with ${status}: ${errors.join('')}`);
    };
    for (const [args, expected] of commandsWith(await unusedPort())) await run(args, expected);
    await withBroker(run, async (ready) => {
      for (const args of commandsOn(ready)) await run(args, 0);
    });
    await completions(['--', 'publish', ''], { env: {}, cwd });
  } finally {
    await rm(cwd, { recursive: true });
  }
}

/** Runs `mq broker` while `body` runs. */
async function withBroker(
  run: (args: readonly string[], expected: number, given: Partial<Context>) => Promise<void>,
  body: (ready: Ready) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const ready = Promise.withResolvers<Ready>();
  const args = ['broker', '--port', '0', '--management-port', '0', '--json'];
  const stdout = outputTo((line) => ready.resolve(JSON.parse(line)));
  const ended = run(args, 0, { stdout, drain: stop.signal });
  try {
    await Promise.race([ready.promise.then(body), ended]);
  } finally {
    stop.abort();
  }
  await ended;
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
  return {
    args,
    env: { HOME: cwd },
    cwd,
    stdin: () => new PassThrough().end(),
    stdout: outputTo(() => undefined),
    stderr: outputTo((text) => errors.push(text)),
    drain: never,
    abandon: never,
    giveUp: () => undefined,
    stray: new Promise<never>(() => undefined),
    pid: process.pid,
    isAlive: () => true,
    memoryBytes: 1024 ** 3,
    kill: () => undefined,
    spawn,
    self: { command: process.execPath, args: [] },
  };
}

function outputTo(keep: (text: string) => void): Writable {
  return new Writable({
    write(chunk, _encoding, next) {
      keep(String(chunk));
      next();
    },
  });
}
