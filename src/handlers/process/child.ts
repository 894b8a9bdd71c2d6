// Runs one child process in a process group of its own: starts it, writes its input, reads its output and ends it in
// time. exec.ts interprets the exit status. Nothing here throws.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemReason } from '../reason.ts';

export interface ChildPlan extends Killing {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Buffer;
  readonly descriptor3: Buffer;
  /**
   * Receives a chunk of output. If it returns a promise, reading pauses until the promise settles. It never rejects.
   */
  readonly onStdout: Take;
  readonly onStderr: Take;
}

/** Settings for ending a process group. */
export interface Killing {
  /** When aborted: SIGTERM to the group, and SIGKILL after `graceMs`. */
  readonly signal: AbortSignal;
  /** When aborted: SIGKILL to the group. */
  readonly killNow: AbortSignal;
  readonly graceMs: number;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
}

export type Take = (chunk: Buffer) => Promise<void> | undefined;

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

/** Runs a child until it ends and its output is read. It does not wait for grandchildren that keep it open. */
export async function runChild(plan: ChildPlan): Promise<ChildEnd> {
  let child: ChildProcess;
  try {
    child = spawn(plan.file, plan.args, {
      cwd: plan.cwd,
      env: { ...plan.env },
      // The child gets its own session and process group: a signal to the group reaches all of it, and the terminal's
      // Ctrl-C reaches only mq.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
  } catch (error) {
    return { type: 'not started', error: error as NodeJS.ErrnoException };
  }
  const exit = exitOf(child);
  const { pid, stdin, stdout, stderr } = child;
  const descriptor3 = child.stdio?.[3] as Writable | null | undefined;
  if (pid === undefined || !stdin || !stdout || !stderr || !descriptor3) {
    // If no file descriptors are left, the streams do not exist either.
    for (const stream of [stdin, stdout, stderr, descriptor3]) stream?.on('error', ignore).destroy();
    return exit;
  }

  const killing = groupKiller(pid, plan);
  const outputs = [taken(stdout, plan.onStdout), taken(stderr, plan.onStderr)];
  feed(stdin, plan.stdin);
  feed(descriptor3, plan.descriptor3);
  const end = await exit;
  stdin.destroy();
  descriptor3.destroy();
  const wasStopped = await killing.finish(Promise.all(outputs.map(({ closed }) => closed)));
  await Promise.all(outputs.map(({ settle }) => settle()));
  return wasStopped ? { type: 'stopped' } : end;
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

/** Ends the child's process group when one of its signals aborts. */
export function groupKiller(pid: number, { signal, killNow, graceMs, kill }: Killing) {
  let grace: Promise<void> | undefined;
  let endGrace = ignore;
  let timer: NodeJS.Timeout | undefined;
  const toGroup = (name: NodeJS.Signals): void => {
    try {
      kill(-pid, name);
    } catch {
      // ESRCH: the group no longer exists. EPERM: it changed its user (setuid) and mq may not signal it.
    }
  };
  const killIt = (): void => {
    grace ??= Promise.resolve();
    toGroup('SIGKILL');
    endGrace();
  };
  const stop = (): void => {
    if (grace !== undefined) return;
    grace = new Promise((resolve) => {
      endGrace = resolve;
    });
    toGroup('SIGTERM');
    timer = setTimeout(killIt, graceMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  killNow.addEventListener('abort', killIt, { once: true });
  if (signal.aborted) stop();
  if (killNow.aborted) killIt();
  return {
    /**
     * Call this after the child has ended. If the group was stopped, its remaining processes have until the output
     * closes or the grace time ends. Returns `true` if the group was stopped.
     */
    async finish(closed: Promise<unknown>): Promise<boolean> {
      signal.removeEventListener('abort', stop);
      if (grace !== undefined) {
        await Promise.race([closed, grace]);
        toGroup('SIGKILL');
      }
      clearTimeout(timer);
      killNow.removeEventListener('abort', killIt);
      return grace !== undefined;
    },
  };
}

/** Passes a stream's chunks to `take`, one at a time. */
export function taken(stream: Readable, take: Take) {
  let pieces = 0;
  let busy: Promise<void> | undefined;
  stream.on('error', ignore);
  stream.on('data', (chunk: Buffer) => {
    pieces++;
    busy = take(chunk);
    if (busy === undefined) return;
    stream.pause();
    busy.then(() => {
      busy = undefined;
      stream.resume();
    }, ignore);
  });
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));

  /** Call this after the child has ended. Reads what is left in the pipe, until nothing more arrives. */
  async function settle(): Promise<void> {
    for (let round = 0; round < mostRounds; round++) {
      const before = pieces;
      if (await endsWithin(closed, quietMs)) return;
      await busy;
      // Node runs timers before it reads input, so after a long event-loop turn the pipe has not been read yet.
      await nextTurn();
      await nextTurn();
      if (pieces === before) break;
    }
    // A grandchild keeps the pipe open.
    stream.destroy();
  }
  return { closed, settle };
}

const quietMs = 100;
const mostRounds = 20;

function endsWithin(closed: Promise<void>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, false);
    void closed.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function ignore(): void {}
