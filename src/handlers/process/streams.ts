// Starts a process whose stdin, stdout and stderr are streams, in a process group of its own.

import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Spawn } from '../../context.ts';
import type { ChildEnd } from './child-end.ts';
import type { PosixSpawn, ProcessPlan } from './posix-spawn.ts';

export interface StreamProcess {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly end: Promise<ChildEnd>;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

interface StreamPlan extends Pick<ProcessPlan, 'file' | 'args' | 'cwd' | 'env'> {
  readonly spawn: Spawn;
  readonly posixSpawn: PosixSpawn | undefined;
}

/** Starts a process. Returns its end if it did not start. Never throws. */
export function startStreams(plan: StreamPlan): StreamProcess | Promise<ChildEnd> {
  return startFast(plan) ?? start(plan);
}

function startFast({ posixSpawn, file, args, cwd, env }: StreamPlan): StreamProcess | undefined {
  const started = posixSpawn?.start({ file, args, cwd, env, variables: {} });
  if (started?.stdin === undefined) return undefined;
  const { pid, end, stdin } = started;
  const [stdout, stderr] = [streamOf(started.stdout), streamOf(started.stderr)];
  return { pid, end, stdin, stdout, stderr };
}

function streamOf(descriptor: number): Readable {
  return new Socket({ fd: descriptor, readable: true, writable: false });
}

function start({ spawn, file, args, cwd, env }: StreamPlan): StreamProcess | Promise<ChildEnd> {
  const child = spawned(spawn, [file, ...args], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  if (child instanceof Error) return Promise.resolve({ type: 'not started', error: child });
  const end = exitOf(child);
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined || !stdin || !stdout || !stderr) {
    closeStreams([stdin, stdout, stderr]);
    return end;
  }
  return { pid, end, stdin, stdout, stderr };
}

/** Calls `spawn` for a program with its arguments, and returns an error that it throws. */
export function spawned(
  spawn: Spawn,
  [file, ...args]: readonly [string, ...string[]],
  options: SpawnOptions & { readonly env: Readonly<Record<string, string>> },
): ChildProcess | Error {
  try {
    return spawn(file, args, {
      ...options,
      env: { ...options.env },
      // The child gets its own session and process group: a signal to the group reaches all its processes, and the
      // terminal's Ctrl-C reaches only mq.
      detached: true,
      windowsHide: true,
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Closes the streams of a child that did not start. If mq has no free descriptors, some of them do not exist. */
export function closeStreams(streams: readonly (Readable | Writable | null | undefined)[]): void {
  for (const stream of streams) stream?.on('error', () => undefined).destroy();
}

/** Resolves when the child has ended or could not start. */
export function exitOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) resolve({ type: 'not started', error });
    });
    child.once('exit', (status, signal) => {
      resolve(signal === null ? { type: 'exit', status: status ?? 0 } : { type: 'signal', signal });
    });
  });
}
