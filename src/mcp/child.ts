// Runs one command line of mq as a child process, with a limit for its time and for its output.

import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Spawn } from '../context.ts';
import { type Timer, time } from '../time.ts';

interface ChildSettings {
  readonly spawn: Spawn;
  /** Command that starts mq. */
  readonly self: { readonly command: string; readonly args: readonly string[] };
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  /** Stops the child: SIGTERM, and later SIGKILL. */
  readonly signal: AbortSignal;
  /** Kills the child. */
  readonly abandon: AbortSignal;
}

export interface ChildResult {
  /** Exit status. `undefined` if a signal ended the process. */
  readonly status: number | undefined;
  /** Complete lines. */
  readonly stdout: string;
  readonly stderr: string;
  /** `true` if the output was larger than the limit, so that its end is missing. */
  readonly isCut: boolean;
  /** `true` if the time limit was reached. */
  readonly isLate: boolean;
}

/** Largest output in bytes. */
const mostOutput = 8 * 1024 ** 2;
const mostErrors = 64 * 1024;
/** Delay in milliseconds before the next signal to a child that has not ended. */
const graceMs = 2000;

/** First argument of a command that stops when its parent process has ended (main.ts). */
const endsWithParent = 'mcp-child';

/** Runs the command line. Rejects if the process cannot be started. */
export async function runChild(args: readonly string[], settings: ChildSettings): Promise<ChildResult> {
  const { spawn, self, cwd, env, timeoutMs, signal, abandon } = settings;
  signal.throwIfAborted();
  // The channel closes when this process ends, even after SIGKILL, and the child stops then.
  const child = spawn(self.command, [...self.args, endsWithParent, ...args], {
    ...{ cwd, env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const stopper = new Stopper(child);
  let isLate = false;
  const limit = time.after(timeoutMs, () => {
    isLate = true;
    stopper.stop();
  });
  const stop = () => stopper.stop();
  const kill = () => stopper.kill();
  signal.addEventListener('abort', stop);
  abandon.addEventListener('abort', kill);
  const stdout = new Lines(child.stdout, { most: mostOutput, onCut: stop });
  const stderr = new Lines(child.stderr, { most: mostErrors });
  try {
    const status = await endOf(child);
    return { status, stdout: stdout.text, stderr: stderr.text, isCut: stdout.isCut, isLate };
  } finally {
    limit.cancel();
    stopper.end();
    signal.removeEventListener('abort', stop);
    abandon.removeEventListener('abort', kill);
  }
}

function endOf(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? undefined));
  });
}

/** Keeps the complete lines up to the limit, and discards the rest, so that the child can end. */
class Lines {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  isCut = false;

  constructor(stream: Readable | null, { most, onCut }: { most: number; onCut?: () => void }) {
    stream?.on('data', (chunk: Buffer) => {
      this.#length += chunk.length;
      if (this.#length <= most) this.#chunks.push(chunk);
      else if (!this.isCut) {
        this.isCut = true;
        onCut?.();
      }
    });
  }

  get text(): string {
    const text = Buffer.concat(this.#chunks).toString();
    return this.isCut ? text.slice(0, text.lastIndexOf('\n') + 1) : text;
  }
}

/** Ends a child as a user does: the first SIGTERM drains it, the second returns its messages, and SIGKILL ends it. */
class Stopper {
  readonly #child: ChildProcess;
  #isStopped = false;
  #timer: Timer | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#child.kill('SIGTERM');
    this.#timer = time.after(graceMs, () => {
      this.#child.kill('SIGTERM');
      this.#timer = time.after(graceMs, () => this.kill());
    });
  }

  /** Sends SIGKILL. A process that inherited the output cannot keep the child from ending. */
  kill(): void {
    this.#child.kill('SIGKILL');
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** Sends no more signals. */
  end(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }
}
