// The only file that uses the process: streams, environment, signals, exit status.

import { constants, totalmem } from 'node:os';
import { isatty } from 'node:tty';
import manifest from '../package.json' with { type: 'json' };

async function main(): Promise<void> {
  if (process.env['NODE_DEBUG']) silenceNode();
  const args = await argumentsOf(process.argv.slice(2));
  if (args.length === 1 && ['--version', '-V', '-v'].includes(args[0] ?? '')) {
    process.stdout.write(`mq ${manifest.version}\n`);
    return;
  }
  if (args[0] === 'test-child') {
    const { testChild } = await import('./test-process/child.ts');
    // The child must exit by itself, because everything that it leaves open is a failure of its tests.
    return testChild(process, { env: process.env, cwd: process.cwd(), self: self() });
  }
  if (args[0] === 'completions' && args[1] === 'words') {
    // Completions must be fast, because the user waits after pressing Tab. They use neither standard input nor signals.
    const { completions } = await import('./cli/cli.ts');
    process.stdout.write(await completions(args.slice(2), { env: process.env, cwd: process.cwd() }));
    return;
  }
  const spare = args[0] === 'test' ? await spareChild() : undefined;
  const drain = new AbortController();
  const abandon = new AbortController();
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    signals += 1;
    if (signals === 1) drain.abort(signal);
    else if (signals === 2) abandon.abort();
    else process.exit(128 + constants.signals[signal]);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  // SIGHUP means that the terminal is gone. Without a terminal, as under nohup, it must not end anything. Signals that
  // nohup ignores cannot be detected, because Node resets them before any JavaScript runs (node.cc, PlatformInit).
  process.on('SIGHUP', hasTerminal() ? onSignal : () => undefined);
  // The callback of the next write reports a closed pipe.
  let unwritten: NodeJS.ErrnoException | undefined;
  process.stdout.on('error', (error) => {
    unwritten = error;
  });
  process.stderr.on('error', () => undefined);
  // An uncaught error comes from a handler's timer or from a bug. The unacknowledged messages are requeued with the end
  // of the connection.
  const stray = Promise.withResolvers<never>();
  stray.promise.catch(() => undefined);
  process.on('uncaughtException', stray.reject);
  process.on('unhandledRejection', stray.reject);

  const { cli } = await import('./cli/cli.ts');
  const status = await cli({
    args,
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    drain: drain.signal,
    abandon: abandon.signal,
    giveUp: () => abandon.abort(),
    stray: stray.promise,
    onExit: (listener) => {
      const onExit = (code: number) => {
        // The third signal ends the process as well.
        if (signals < 3) process.exitCode = listener(code);
      };
      process.on('exit', onExit);
      return () => process.off('exit', onExit);
    },
    ...(process.send && { announceReady: () => process.send?.('ready', undefined, undefined, () => undefined) }),
    ...(process.getuid && { uid: process.getuid() }),
    pid: process.pid,
    isAlive,
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
    kill: (id, signal) => process.kill(id, signal),
    self: self(),
    ...(spare && { spare }),
  });
  // Writes to a pipe are asynchronous, so all output must be flushed before the process exits.
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  // When stdout is a file, a write error arrives one event-loop turn later.
  await new Promise((turn) => setImmediate(turn));
  // A closed pipe is not an error. A full disk is one, even if no code waited for the write.
  if (status === 0 && unwritten !== undefined && unwritten.code !== 'EPIPE') {
    process.stderr.write(`mq: cannot write to stdout: ${unwritten.message} [IO]\n`);
    process.exit(74);
  }
  process.exit(status);
}

/**
 * Suppresses Node's debug output. With NODE_DEBUG, Node writes the headers of requests and the options of sockets,
 * including passwords, to stderr.
 */
function silenceNode(): void {
  const write = process.stderr.write.bind(process.stderr);
  const line = new RegExp(`^[A-Z0-9_]+ (\\x1b\\[\\d+m)?${process.pid}(\\x1b\\[\\d+m)?: `);
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

function hasTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) resolve();
    else stream.write('', () => resolve());
  });
}

void main();
