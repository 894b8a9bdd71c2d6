// The only file that uses the process: streams, environment, signals, exit status.

import { constants, totalmem } from 'node:os';
import { isatty } from 'node:tty';
import manifest from '../package.json' with { type: 'json' };
import type { Context, Spawn } from './context.ts';
import { time, turn } from './time.ts';

async function main(): Promise<void> {
  if (process.env['NODE_DEBUG']) silenceNode();
  const args = await argumentsOf(process.argv.slice(2));
  const [first, second] = args;
  const asksVersion = ['--version', '-V', '-v'].includes(first ?? '');
  if (asksVersion && args.length === 1) {
    process.stdout.write(`mq ${manifest.version}\n`);
  } else if (first === 'test-child') {
    const { testChild } = await import('./test-process/child.ts');
    // The child must exit by itself, because everything that it leaves open is a failure of its tests.
    await testChild(process, { env: process.env, cwd: process.cwd(), self: self(), spawn });
  } else if (first === 'completions' && second === 'words') {
    // Completions must be fast, because the user waits after pressing Tab. They use neither standard input nor signals.
    const { completions } = await import('./cli/cli.ts');
    process.stdout.write(await completions(args.slice(2), { env: process.env, cwd: process.cwd() }));
  } else if (first === 'mcp-child') await runCommandLine(args.slice(1), { endsWithParent: true });
  else await runCommandLine(asksVersion ? ['version', ...args.slice(1)] : args);
}

/** Runs a command line and exits with its status. */
async function runCommandLine(args: readonly string[], { endsWithParent = false } = {}): Promise<void> {
  const signals = new Signals();
  if (endsWithParent) signals.followParent();
  const spare = args[0] === 'test' ? await spareChild() : undefined;
  const stdout = new StdoutErrors();
  const stray = strayErrors();
  const { cli } = await import('./cli/cli.ts');
  const status = await cli({
    ...contextOfProcess(),
    args,
    drain: signals.drain,
    abandon: signals.abandon,
    giveUp: () => signals.giveUp(),
    stray,
    onExit: (listener) => {
      const onExit = (code: number) => {
        // The third signal ends the process as well.
        if (!signals.endsProcess) process.exitCode = listener(code);
      };
      process.on('exit', onExit);
      return () => process.off('exit', onExit);
    },
    ...(spare && { spare }),
  });
  // Writes to a pipe are asynchronous, so all output must be flushed before the process exits.
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // When stdout is a file, a write error arrives one event-loop turn later.
  await turn();
  process.exit(status === 0 ? await stdout.status() : status);
}

/** Returns the part of the context that the process and the machine define. */
function contextOfProcess(): Omit<Context, 'args' | 'drain' | 'abandon' | 'giveUp' | 'stray'> {
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: () => process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    ...(process.send && { announceReady: () => process.send?.('ready', undefined, undefined, () => undefined) }),
    ...(process.getuid && { uid: process.getuid() }),
    pid: process.pid,
    isAlive,
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
    runtime: { node: process.versions.node, cpuMs },
    kill: (id, signal) => process.kill(id, signal),
    spawn,
    ...(process.platform === 'linux' && { native: { addOn, onChildEnd } }),
    self: self(),
  };
}

/** Delay in milliseconds before the next signal after the parent process has ended. */
const graceMs = 2000;

/** Counts the signals: the first starts the drain, the second ends it, and the third exits at once. */
class Signals {
  readonly #drain = new AbortController();
  readonly #abandon = new AbortController();
  #count = 0;

  constructor() {
    const onSignal = (signal: NodeJS.Signals) => this.#receive(signal);
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    // SIGHUP means that the terminal is gone. Without a terminal, as under nohup, it must not end anything. Signals
    // that nohup ignores cannot be detected, because Node resets them before any JavaScript runs (node.cc,
    // PlatformInit).
    process.on('SIGHUP', hasTerminal() ? onSignal : () => undefined);
  }

  get drain(): AbortSignal {
    return this.#drain.signal;
  }

  get abandon(): AbortSignal {
    return this.#abandon.signal;
  }

  /** `true` after the third signal. */
  get endsProcess(): boolean {
    return this.#count > 2;
  }

  giveUp(): void {
    this.#abandon.abort();
  }

  /** Stops this process as signals would when its parent has ended. The channel to the parent is then closed. */
  followParent(): void {
    const stop = () => {
      if (this.endsProcess) return;
      time.after(graceMs, stop);
      this.#receive('SIGTERM');
    };
    process.on('disconnect', stop);
  }

  #receive(signal: NodeJS.Signals): void {
    this.#count += 1;
    if (this.#count === 1) this.#drain.abort(signal);
    else if (this.#count === 2) this.giveUp();
    else process.exit(128 + constants.signals[signal]);
  }
}

/** Remembers a write error of stdout, because the code that wrote may not wait for it. */
class StdoutErrors {
  #error: NodeJS.ErrnoException | undefined;

  constructor() {
    process.stdout.on('error', (error) => {
      this.#error = error;
    });
    process.stderr.on('error', () => undefined);
  }

  /** Returns the exit status of a successful command. A full disk is an error, a closed pipe is not. */
  async status(): Promise<number> {
    if (this.#error === undefined || this.#error.code === 'EPIPE') return 0;
    const { exitStatuses } = await import('./errors.ts');
    process.stderr.write(`mq: cannot write to stdout: ${this.#error.message} [IO]\n`);
    return exitStatuses.IO;
  }
}

/**
 * Returns a promise that rejects with the first uncaught error. It comes from a handler's timer or from a bug. The
 * broker requeues the unacknowledged messages when the connection ends.
 */
function strayErrors(): Promise<never> {
  const stray = Promise.withResolvers<never>();
  stray.promise.catch(() => undefined);
  process.on('uncaughtException', stray.reject);
  process.on('unhandledRejection', stray.reject);
  return stray.promise;
}

/**
 * Suppresses Node's debug output. With NODE_DEBUG, Node writes the headers of requests and the options of sockets,
 * including passwords, to stderr.
 */
function silenceNode(): void {
  const write = process.stderr.write.bind(process.stderr);
  const line = new RegExp(`^[A-Z0-9_]+ (\\x1b\\[\\d+m)?${process.pid}(\\x1b\\[\\d+m)?: `);
  // A cast, because the overloads of write() cannot be expressed by one function.
  process.stderr.write = (text: unknown, ...rest: never[]) =>
    (typeof text === 'string' && line.test(text)) || write(text as string, ...rest);
}

/** Restores arguments that are not UTF-8. The code for it is loaded only if there is such an argument. */
async function argumentsOf(args: readonly string[]): Promise<readonly string[]> {
  if (!args.some((arg) => arg.includes('\ufffd'))) return args;
  const [{ exactArguments }, { readFileSync }] = await Promise.all([
    import('./cli/exact-arguments.ts'),
    import('node:fs'),
  ]);
  return exactArguments(args, () => {
    try {
      return readFileSync('/proc/self/cmdline');
    } catch {
      return undefined; // not Linux
    }
  });
}

/** Starts the process of the first test file while the files are being searched. It ends with this process. */
async function spareChild() {
  const { startChild } = await import('./harness/start-child.ts');
  const { command, args } = self();
  const child = startChild({ command, args: [...args, 'test-child'], env: process.env });
  child.on('error', () => undefined);
  let isGiven = false;
  return () => {
    if (isGiven || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return undefined;
    isGiven = true;
    return child;
  };
}

/** Returns the command that starts mq again: the executable itself, or Node with this file. */
function self(): { command: string; args: string[] } {
  const isExecutable = process.getBuiltinModule('node:sea').isSea();
  return { command: process.execPath, args: isExecutable ? [] : process.argv.slice(1, 2) };
}

/** Starts a child process. Node's module is loaded with the first one, because most commands do not start any. */
const spawn: Spawn = (command, args, options) =>
  process.getBuiltinModule('node:child_process').spawn(command, args, options);

/** Returns the add-on koffi. The build adds it to the executables for Linux; the npm package does not have it. */
function addOn(): Uint8Array {
  const asset = process.getBuiltinModule('node:sea').getRawAsset('koffi.node');
  if (!(asset instanceof ArrayBuffer)) throw new Error('the executable has no add-on');
  return new Uint8Array(asset);
}

function onChildEnd(listener: () => void): () => void {
  process.on('SIGCHLD', listener);
  return () => process.off('SIGCHLD', listener);
}

function hasTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
}

void main();
