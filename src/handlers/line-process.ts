// One process of a long-lived handler: started in a group of its own, asked line by line, ended in time. What its answers
// mean is line-answer.ts's, when it is started anew exec-lines.ts's. Never throws.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Output } from '../context.ts';
import { escaped } from '../errors.ts';
import { type ChildEnd, exitOf, groupKiller, taken } from './child.ts';
import { objectOfLine } from './line-answer.ts';
import { write } from './output.ts';

export interface LineProcessPlan {
  /** As the user named it, for people. */
  readonly command: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stderr: Output;
  readonly graceMs: number;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
}

export type Said =
  /** The next object on its stdout. */
  | { readonly type: 'object'; readonly value: Readonly<Record<string, unknown>> }
  /** Only lines that are none, or one without end. */
  | { readonly type: 'babble'; readonly reason: string }
  | { readonly type: 'ended'; readonly end: ChildEnd };

/** The most lines without an object, since the last answer: each is shown on stderr. */
const mostStrange = 20;
/** Bytes; a reply of 16 MiB in Base64 fits. */
const longestLine = 32 * 1024 * 1024;
/** Milliseconds: between the end of its input and TERM; and for a process that closed a pipe to end by itself. */
const politeMs = 1000;

export class LineProcess {
  /** Resolves when it has ended and what it wrote was taken. */
  readonly ended: Promise<ChildEnd>;
  readonly #plan: LineProcessPlan;
  readonly #child: ChildProcess | undefined;
  readonly #stop = new AbortController();
  #openStderr: () => Output;
  /** Opened when the process writes to it, which most never do: a stream for each message costs much. */
  #stderr: Output | undefined;
  #isAlive = true;
  #pieces: Buffer[] = [];
  #size = 0;
  #strange = 0;
  #tell: ((said: Said) => void) | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(plan: LineProcessPlan) {
    this.#plan = plan;
    this.#openStderr = () => plan.stderr;
    try {
      // A session and group of its own: a signal reaches all of it, and the terminal's Ctrl-C only us. Its stdin is a pipe
      // that ends with us, however we end.
      this.#child = spawn(plan.file, plan.args, {
        cwd: plan.cwd,
        env: { ...plan.env },
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
        windowsHide: true,
      });
      this.ended = this.#run(this.#child);
    } catch (error) {
      this.ended = Promise.resolve({ type: 'not started', error: error as NodeJS.ErrnoException });
    }
    void this.ended.then((end) => {
      this.#isAlive = false;
      this.reportTo(() => plan.stderr);
      clearTimeout(this.#patience);
      this.#say({ type: 'ended', end });
    });
  }

  /** Linux: the resident memory of the process, in bytes. 0 if it cannot be read. */
  get residentBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'latin1');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** True if it was made to end. */
  get wasStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Bytes of a line whose end has not come yet. */
  get unfinished(): number {
    return this.#size;
  }

  /** Writes a line and gives what comes back for it. One at a time. */
  ask(line: Buffer): Promise<Said> {
    return new Promise((resolve) => {
      if (!this.#isAlive) void this.ended.then((end) => resolve({ type: 'ended', end }));
      else {
        this.#tell = resolve;
        this.#child?.stdin?.write(line);
      }
    });
  }

  /** From now on its stderr is about another message. */
  reportTo(open: () => Output): void {
    if (this.#stderr !== this.#plan.stderr) this.#stderr?.end();
    this.#stderr = undefined;
    this.#openStderr = open;
  }

  /** TERM to its group, KILL after the grace; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  /** Ends its input, which a handler takes for the end of work. */
  endInput(): void {
    this.#child?.stdin?.end();
  }

  /** Ends its input; then as `stop`. */
  async close(): Promise<void> {
    this.endInput();
    const timer = setTimeout(() => this.#stop.abort(), Math.min(politeMs, this.#plan.graceMs));
    await this.ended;
    clearTimeout(timer);
  }

  async #run(child: ChildProcess): Promise<ChildEnd> {
    const exit = exitOf(child);
    const { pid, stdin, stdout, stderr } = child;
    if (pid === undefined || !stdin || !stdout || !stderr) {
      // Out of descriptors there are not even streams.
      for (const stream of [stdin, stdout, stderr]) stream?.on('error', () => {}).destroy();
      return exit;
    }
    const { graceMs, kill } = this.#plan;
    const killing = groupKiller(pid, {
      signal: this.#stop.signal,
      killNow: new AbortController().signal,
      graceMs,
      kill,
    });
    const outputs = [taken(stdout, (chunk) => this.#take(chunk)), taken(stderr, (chunk) => this.#report(chunk))];
    // Deaf or mute, it can answer nothing any more: mostly it is about to end by itself.
    stdin.on('error', () => this.#lose());
    stdout.once('end', () => this.#lose());
    const end = await exit;
    stdin.destroy();
    await killing.finish(Promise.all(outputs.map(({ closed }) => closed)));
    await Promise.all(outputs.map(({ settle }) => settle()));
    return end;
  }

  async #report(bytes: Buffer): Promise<void> {
    this.#stderr ??= this.#openStderr();
    await write(this.#stderr, bytes);
  }

  #lose(): void {
    this.#patience ??= setTimeout(() => this.#stop.abort(), politeMs);
  }

  #take(chunk: Buffer): Promise<void> | undefined {
    const shown: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...this.#pieces, chunk.subarray(start, end)]).toString();
      [this.#pieces, this.#size, start] = [[], 0, end + 1];
      const value = objectOfLine(line);
      if (value && this.#tell) {
        this.#strange = 0;
        this.#say({ type: 'object', value });
      } else if (line.trim() !== '') {
        shown.push(`${this.#plan.command}: ${escaped(line.slice(0, 1000))}\n`);
        this.#strange += 1;
      }
      if (this.#strange > mostStrange) {
        this.#babble(`more than ${mostStrange} lines that are no answer`);
        break;
      }
    }
    if (start < chunk.length) {
      this.#pieces.push(chunk.subarray(start));
      this.#size += chunk.length - start;
    }
    if (this.#size > longestLine) this.#babble(`a line of more than ${longestLine} bytes`);
    return shown.length === 0 ? undefined : this.#report(Buffer.from(shown.join('')));
  }

  #babble(reason: string): void {
    this.#pieces = [];
    this.#size = 0;
    this.#say({ type: 'babble', reason });
    this.#stop.abort();
  }

  #say(said: Said): void {
    const tell = this.#tell;
    this.#tell = undefined;
    tell?.(said);
  }
}
