// Runs one long-lived process in a process group of its own: starts it, exchanges lines with it and stops it.
// answer.ts interprets its answers, and pool.ts replaces it. No function in this file throws.

import { readFileSync } from 'node:fs';
import type { Output, Spawn } from '../../context.ts';
import { escaped } from '../../errors.ts';
import { type Timer, time } from '../../time.ts';
import type { ChildEnd } from '../process/child-end.ts';
import { GroupKiller } from '../process/group-killer.ts';
import { PieceWriter } from '../process/output.ts';
import { OutputReader } from '../process/output-reader.ts';
import type { PosixSpawn } from '../process/posix-spawn.ts';
import { type StreamProcess, startStreams } from '../process/streams.ts';
import { objectOfLine } from './answer.ts';

export interface LineProcessPlan {
  /** Command as the user wrote it, for messages. */
  readonly command: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stderr: Output;
  readonly graceMs: number;
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  readonly spawn: Spawn;
  /** Starts the process with less processor time. If it is absent or fails, `spawn` starts the process. */
  readonly posixSpawn: PosixSpawn | undefined;
}

export type LineOutcome =
  /** The next JSON object on its stdout. */
  | { readonly type: 'object'; readonly value: Readonly<Record<string, unknown>> }
  /** The process printed too many lines that are not answers, or a line that is too long. */
  | { readonly type: 'invalid'; readonly reason: string }
  | { readonly type: 'ended'; readonly end: ChildEnd };

/** Maximum number of lines that are not answers since the last answer. mq prints each of them on stderr. */
const mostOtherLines = 20;
/** Maximum length of a line in bytes. A reply of 16 MiB in Base64 fits. */
const longestLine = 32 * 1024 * 1024;
/** Milliseconds that a process has to exit after its stdin or stdout was closed. Then mq sends SIGTERM. */
const exitMs = 1000;

export class LineProcess {
  /** Resolves when the process has exited and its output has been read. */
  readonly ended: Promise<ChildEnd>;
  readonly #plan: LineProcessPlan;
  readonly #child: StreamProcess | undefined;
  readonly #stop = new AbortController();
  #openStderr: () => Output;
  /** Opened when the process first writes to stderr, because a stream for each message is expensive. */
  #stderr: Output | undefined;
  readonly #errors = new PieceWriter();
  #isAlive = true;
  #pieces: Buffer[] = [];
  #size = 0;
  #otherLines = 0;
  #refusal: string | undefined;
  #respond: ((outcome: LineOutcome) => void) | undefined;
  #exitTimer: Timer | undefined;

  constructor(plan: LineProcessPlan) {
    this.#plan = plan;
    this.#openStderr = () => plan.stderr;
    // Its stdin is a pipe, which the system closes even if mq is killed.
    const started = startStreams(plan);
    if (started instanceof Promise) this.ended = started;
    else {
      this.#child = started;
      this.ended = this.#run(started);
    }
    void this.ended.then((end) => {
      this.#isAlive = false;
      this.reportTo(() => plan.stderr);
      this.#exitTimer?.cancel();
      this.#settle({ type: 'ended', end });
    });
  }

  /** Resident memory of the process on Linux, in bytes. 0 if it cannot be read. */
  get residentBytes(): number {
    try {
      const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'latin1');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  /** `false` if the process could not be started. */
  get hasStarted(): boolean {
    return this.#child !== undefined;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** `true` if mq stopped the process. */
  get wasStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Reason why mq stopped the process for its output. mq then reads no more of it. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Number of bytes of the incomplete line that was received last. */
  get unfinished(): number {
    return this.#size;
  }

  /** Writes a line and calls `respond` with the answer of the process. Only one call may be active at a time. */
  ask(line: string | Buffer, respond: (outcome: LineOutcome) => void): void {
    if (!this.#isAlive) void this.ended.then((end) => respond({ type: 'ended', end }));
    else {
      this.#respond = respond;
      this.#child?.stdin.write(line);
    }
  }

  /** Sends further stderr output to another message's stream. */
  reportTo(open: () => Output): void {
    if (this.#stderr !== this.#plan.stderr) this.#stderr?.end();
    this.#stderr = undefined;
    this.#openStderr = open;
  }

  /** Sends SIGTERM to the group, and SIGKILL after the grace time. Resolves when the process has exited. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  /** Closes the process's input, which asks a handler to finish. */
  endInput(): void {
    this.#child?.stdin.end();
  }

  /** Closes the process's input and stops the process if it does not exit in time. */
  async close(): Promise<void> {
    this.endInput();
    const timer = time.after(Math.min(exitMs, this.#plan.graceMs), () => this.#stop.abort());
    await this.ended;
    timer.cancel();
  }

  async #run({ pid, end: exit, stdin, stdout, stderr }: StreamProcess): Promise<ChildEnd> {
    const killer = new GroupKiller(pid, this.#plan);
    this.#stop.signal.addEventListener('abort', () => killer.stop());
    const outputs = [
      new OutputReader(stdout, (chunk) => this.#read(chunk)),
      new OutputReader(stderr, (chunk) => this.#report(chunk)),
    ];
    // A process that closed its stdin or stdout can no longer answer. It is usually about to exit.
    stdin.on('error', () => this.#awaitExit());
    stdout.once('end', () => this.#awaitExit());
    const end = await exit;
    stdin.destroy();
    await killer.finish(outputs);
    await Promise.all(outputs.map((output) => output.finish()));
    if (this.#stderr !== undefined) await this.#errors.end(this.#stderr);
    return end;
  }

  async #report(bytes: Buffer): Promise<void> {
    this.#stderr ??= this.#openStderr();
    await this.#errors.write(this.#stderr, bytes);
  }

  #awaitExit(): void {
    this.#exitTimer ??= time.after(exitMs, () => this.#stop.abort());
  }

  #read(chunk: Buffer): Promise<void> | undefined {
    if (this.#refusal !== undefined) return undefined;
    const shown: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const line = this.#lineOf(chunk, start, end);
      start = end + 1;
      const value = objectOfLine(line);
      if (value && this.#respond) {
        this.#otherLines = 0;
        this.#settle({ type: 'object', value });
      } else if (line.trim() !== '') {
        shown.push(`${this.#plan.command}: ${escaped(line.slice(0, 1000))}\n`);
        this.#otherLines += 1;
      }
      if (this.#otherLines > mostOtherLines) {
        this.#refuse(`more than ${mostOtherLines} lines that are not answers`);
        break;
      }
    }
    if (this.#refusal === undefined && start < chunk.length) {
      this.#pieces.push(chunk.subarray(start));
      this.#size += chunk.length - start;
    }
    if (this.#size > longestLine) this.#refuse(`a line of more than ${longestLine} bytes`);
    return shown.length === 0 ? undefined : this.#report(Buffer.from(shown.join('')));
  }

  /** Returns the line that ends in this chunk. It may have begun in earlier chunks. */
  #lineOf(chunk: Buffer, start: number, end: number): string {
    if (this.#size === 0) return chunk.toString('utf8', start, end);
    const line = Buffer.concat([...this.#pieces, chunk.subarray(start, end)]).toString();
    this.#pieces = [];
    this.#size = 0;
    return line;
  }

  #refuse(reason: string): void {
    this.#refusal = reason;
    this.#pieces = [];
    this.#size = 0;
    this.#settle({ type: 'invalid', reason });
    this.#stop.abort();
  }

  #settle(outcome: LineOutcome): void {
    const respond = this.#respond;
    this.#respond = undefined;
    respond?.(outcome);
  }
}
