// Starts processes by posix_spawn of the C library. Node's `spawn` forks: it copies the memory map of mq for each
// process, and mq then pays a page fault for each page that it writes. posix_spawn shares the memory until the program
// runs. Whatever fails here is left to `spawn`, so that errors are the same.

import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { NativeHost } from '../../context.ts';
import { type Timer, time } from '../../time.ts';
import { type CLibrary, loadCLibrary, type Pipe } from './c-library.ts';
import type { ChildEnd } from './child-end.ts';

export interface ProcessPlan {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Variables of this process only. They override those of `env`. */
  readonly variables: Readonly<Record<string, string>>;
  /** Absent: `stdin` of the started process is a stream. */
  readonly stdin?: Buffer;
  /** Absent: the process has no descriptor 3. */
  readonly descriptor3?: Buffer;
}

interface PosixProcess {
  readonly pid: number;
  readonly end: Promise<ChildEnd>;
  /** Sockets that do not block. The caller closes them. */
  readonly stdout: number;
  readonly stderr: number;
  /** Streams that write its input. Absent if all of it is written. The caller must handle their errors. */
  readonly stdin: Writable | undefined;
  readonly descriptor3: Writable | undefined;
}

/** A new pipe accepts this many bytes without blocking, even if the user has too many pipes (pipe(7)). */
const leastCapacity = 4096;
/** A lost SIGCHLD delays the end of a process by at most this time. */
const pollMs = 1000;

/**
 * Returns `undefined` if the C library cannot be called: on other systems, or if no temporary folder can be used.
 * `env` is the environment that all its processes inherit.
 */
export function openPosixSpawn(host: NativeHost, env: Readonly<Record<string, string>>): PosixSpawn | undefined {
  try {
    return new PosixSpawn(loadCLibrary(host.addOn()), host, env);
  } catch {
    return undefined;
  }
}

export class PosixSpawn {
  readonly #c: CLibrary;
  readonly #removeListener: () => void;
  readonly #inherited: readonly (readonly [string, string])[];
  readonly #running = new Map<number, (end: ChildEnd) => void>();
  /** Runs while a process runs. It also keeps mq alive. */
  #poll: Timer | undefined;

  constructor(c: CLibrary, { onChildEnd }: NativeHost, env: Readonly<Record<string, string>>) {
    this.#c = c;
    this.#inherited = Object.entries(env).map(([name, value]) => [name, `${name}=${value}`]);
    this.#removeListener = onChildEnd(() => this.#reap());
  }

  /** Starts a process in its own session and process group. Returns `undefined` if it did not start. */
  start(plan: ProcessPlan): PosixProcess | undefined {
    const pipes = this.#pipes(plan);
    const [stdin, stdout, stderr, descriptor3] = pipes;
    if (!stdin || !stdout || !stderr) return undefined;
    // Written before the child starts: it receives its input even if mq is killed now.
    writeShort(stdin, plan.stdin);
    writeShort(descriptor3, plan.descriptor3);
    const theirs = pipes.map(({ read, write }) => (write === stdout.write || write === stderr.write ? write : read));
    const pid = this.#c.spawn({ ...plan, env: this.#environment(plan.variables) }, theirs);
    for (const descriptor of theirs) closeSync(descriptor);
    if (pid === undefined) {
      for (const descriptor of [stdin.write, stdout.read, stderr.read, descriptor3?.write]) {
        if (descriptor !== undefined) closeSync(descriptor);
      }
      return undefined;
    }
    return {
      ...{ pid, end: this.#endOf(pid), stdout: stdout.read, stderr: stderr.read },
      ...{ stdin: inputOf(stdin, plan.stdin), descriptor3: descriptor3 && inputOf(descriptor3, plan.descriptor3) },
    };
  }

  /** Creates the pipes of a process, or none if mq has too few free descriptors. */
  #pipes({ descriptor3 }: ProcessPlan): Pipe[] {
    const pipe = () => this.#c.pipe();
    // Outputs are sockets, as with `spawn`: process.stdout.end() in a program of Node closes a socket, but not a pipe.
    const output = () => this.#c.socketPair();
    const pipes: Pipe[] = [];
    for (const create of [pipe, output, output, ...(descriptor3 ? [pipe] : [])]) {
      const created = create();
      if (created) pipes.push(created);
      else {
        for (const { read, write } of pipes.splice(0)) for (const descriptor of [read, write]) closeSync(descriptor);
        break;
      }
    }
    return pipes;
  }

  /** Stops waiting for processes. */
  close(): void {
    this.#removeListener();
    this.#poll?.cancel();
  }

  #endOf(pid: number): Promise<ChildEnd> {
    this.#poll ??= time.every(pollMs, () => this.#reap());
    return new Promise((resolve) => this.#running.set(pid, resolve));
  }

  /** Collects the processes that have ended. It waits only for its own, because Node waits for those of `spawn`. */
  #reap(): void {
    for (const [pid, resolve] of this.#running) {
      const end = this.#c.endOf(pid);
      if (end === undefined) continue;
      this.#running.delete(pid);
      resolve(end);
    }
    if (this.#running.size > 0) return;
    this.#poll?.cancel();
    this.#poll = undefined;
  }

  #environment(variables: Readonly<Record<string, string>>): string[] {
    const texts: string[] = [];
    for (const [name, text] of this.#inherited) if (!Object.hasOwn(variables, name)) texts.push(text);
    for (const [name, value] of Object.entries(variables)) texts.push(`${name}=${value}`);
    return texts;
  }
}

/** Writes an input that a new pipe accepts without blocking. */
function writeShort(pipe: Pipe | undefined, bytes: Buffer | undefined): void {
  if (pipe && bytes && bytes.length <= leastCapacity) writeSync(pipe.write, bytes);
}

/** Closes the write end of an input that is written. Returns a stream for a longer one, and for an open one. */
function inputOf({ write }: Pipe, bytes: Buffer | undefined): Writable | undefined {
  if (bytes && bytes.length <= leastCapacity) {
    closeSync(write);
    return undefined;
  }
  const stream = new Socket({ fd: write, readable: false, writable: true });
  return bytes ? stream.end(bytes) : stream;
}
