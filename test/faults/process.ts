// Runs a role of mq as a process. Passes its lines to callbacks, and stores only the last lines of stderr.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface RoleEnd {
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/**
 * Returns true if a role may end like this after SIGTERM. The signal may also end a process that does not handle it yet,
 * which is a process that has printed nothing.
 */
export function isEndBySigterm({ status, signal }: RoleEnd, role: RoleProcess): boolean {
  return status === 0 || status === 143 || (signal === 'SIGTERM' && !role.hasPrinted());
}

export interface RoleProcess {
  readonly pid: number;
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves when the process has ended. */
  readonly ended: Promise<RoleEnd>;
  /** Returns the last 20 lines of stderr. */
  lastLines(): string;
  /** Returns true if the process has written to stdout or stderr. */
  hasPrinted(): boolean;
}

export interface RoleStart {
  readonly executable: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Called with each line of stdout. */
  readonly onLine?: (line: string) => void;
  /** Called with each line of stderr. */
  readonly onErrorLine?: (line: string) => void;
}

const running = new Set<ChildProcessWithoutNullStreams>();

/** Kills every running role, so that an interrupted run leaves no process. */
export function killRoles(): void {
  for (const child of running) child.kill('SIGKILL');
}

export function startRole({ executable, args, cwd, env, onLine, onErrorLine }: RoleStart): RoleProcess {
  const passed = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...env };
  const child = spawn(executable, args, { cwd, env: passed, stdio: 'pipe' });
  running.add(child);
  child.on('close', () => running.delete(child));
  const last: string[] = [];
  let hasPrinted = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.once('data', () => {
      hasPrinted = true;
    });
  }
  child.stdin.on('error', () => undefined); // A killed role does not read its input.
  createInterface({ input: child.stdout }).on('line', (line) => onLine?.(line));
  createInterface({ input: child.stderr }).on('line', (line) => {
    last.push(line);
    if (last.length > 20) last.shift();
    onErrorLine?.(line);
  });
  const ended = new Promise<RoleEnd>((done, failed) => {
    child.on('error', failed);
    child.on('close', (status, signal) => done({ status: status ?? undefined, signal: signal ?? undefined }));
  });
  ended.catch(() => undefined); // The caller that awaits `ended` handles the error.
  return { pid: child.pid ?? -1, child, ended, lastLines: () => last.join('\n'), hasPrinted: () => hasPrinted };
}
