// Runs one child process in a process group of its own: starts it, writes its input, reads its output and stops it.
// exec.ts interprets the exit status. No function in this file throws.

import { type ChildProcess, spawn } from 'node:child_process';
import { Writable } from 'node:stream';
import { systemReason } from '../reason.ts';
import { GroupKiller, type KillPlan } from './group-killer.ts';
import { type OnChunk, OutputReader } from './output-reader.ts';

interface ChildPlan extends KillPlan {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Buffer;
  readonly descriptor3: Buffer;
  /** Receives a chunk. If it returns a promise, reading pauses until it settles. The promise never rejects. */
  readonly onStdout: OnChunk;
  readonly onStderr: OnChunk;
}

export type ChildEnd =
  | { readonly type: 'exit'; readonly status: number }
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  /** mq ended the child. */
  | { readonly type: 'stopped' }
  | { readonly type: 'not started'; readonly error: NodeJS.ErrnoException };

/** Describes how a process ended, for a line of text. */
export function endText(end: ChildEnd): string {
  switch (end.type) {
    case 'exit':
      return `exit status ${end.status}`;
    case 'signal':
      return `signal ${end.signal}`;
    case 'not started':
      return systemReason(end.error);
    case 'stopped':
      return 'stopped';
  }
}

/** Marks the outcome of a process that SIGTERM or SIGINT ended, directly or through a shell (128 + signal number). */
export function terminated(end: ChildEnd): { wasTerminated?: true } {
  const isTerminated =
    (end.type === 'signal' && (end.signal === 'SIGTERM' || end.signal === 'SIGINT')) ||
    (end.type === 'exit' && (end.status === 143 || end.status === 130));
  return isTerminated ? { wasTerminated: true } : {};
}

/** Runs a child until it ends and its output is read. Does not wait for grandchildren that keep the output open. */
export async function runChild(plan: ChildPlan): Promise<ChildEnd> {
  let child: ChildProcess;
  try {
    child = spawn(plan.file, plan.args, {
      cwd: plan.cwd,
      env: { ...plan.env },
      // The child gets its own session and process group: a signal to the group reaches all its processes, and the
      // terminal's Ctrl-C reaches only mq.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
  } catch (error) {
    return { type: 'not started', error: startError(error) };
  }
  const exit = exitOf(child);
  const { pid, stdin, stdout, stderr } = child;
  const descriptor3 = child.stdio?.[3];
  if (pid === undefined || !stdin || !stdout || !stderr || !(descriptor3 instanceof Writable)) {
    // If mq has no free file descriptors, some of these streams do not exist.
    for (const stream of [stdin, stdout, stderr, descriptor3]) stream?.on('error', ignore).destroy();
    return exit;
  }

  const killer = new GroupKiller(pid, plan);
  const outputs = [new OutputReader(stdout, plan.onStdout), new OutputReader(stderr, plan.onStderr)];
  feed(stdin, plan.stdin);
  feed(descriptor3, plan.descriptor3);
  const end = await exit;
  stdin.destroy();
  descriptor3.destroy();
  const wasStopped = await killer.finish(Promise.all(outputs.map(({ closed }) => closed)));
  await Promise.all(outputs.map((output) => output.finish()));
  return wasStopped ? { type: 'stopped' } : end;
}

/** Returns the error of a `spawn` that threw. */
export function startError(thrown: unknown): NodeJS.ErrnoException {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
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

/** Writes the input. A child may exit without reading it; the resulting pipe error is not a failure. */
function feed(stream: Writable, bytes: Buffer): void {
  stream.on('error', ignore);
  stream.end(bytes);
}

function ignore(): void {}
