// Simulated child processes: programs that mq starts by Context.spawn, with pipes, signals and an end, as on Linux.

import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { Alarms } from './alarms.ts';
import { Pipe } from './pipe.ts';
import type { Owner, World } from './world.ts';

/** The process as its own program sees it. */
export interface ProgramSide {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  /** The pipe that mq opens as descriptor 3. */
  readonly descriptor3: Readable | undefined;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Called at SIGTERM. Without it, SIGTERM ends the process. */
  onTerm: (() => void) | undefined;
  sleep(ms: number): Promise<void>;
  /** Ends the process by a signal. */
  die(signal: NodeJS.Signals): void;
  /** Lets a grandchild keep the outputs open for some time after the end of the process. */
  keepOutputsOpen(ms: number): void;
}

/** Returns the exit status. A promise that never settles is a program that hangs. */
export type Program = (side: ProgramSide) => Promise<number>;

interface End {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Most milliseconds until a process runs after it was started, and until its parent hears of its end. */
const longestStartMs = 5;
const longestWaitMs = 2;

export class Child extends EventEmitter implements Owner, ProgramSide {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  isAlive = true;
  /** True if its parent has ended, so that others may handle its message at the same time. */
  isOrphan = false;
  frozenUntil = 0;
  clockSkewMs = 0;
  readonly events = new Alarms();
  readonly effects = { begun: new Alarms(), ended: new Alarms() };
  onTerm: (() => void) | undefined;
  /** The pipes by descriptor. The parent writes 0 and 3, and reads 1 and 2. */
  readonly #pipes: readonly Pipe[];
  readonly #world: World;
  readonly #parent: Owner;
  #grandchildMs = 0;
  /** `true` if a grandchild lives, so that the process group exists. */
  hasGrandchild = false;

  constructor(world: World, parent: Owner, plan: ChildPlan) {
    super();
    this.#world = world;
    this.#parent = parent;
    this.pid = plan.pid;
    this.args = plan.args;
    this.env = plan.env;
    this.name = `${parent.name} child`;
    this.host = parent.host;
    this.#pipes = Array.from({ length: plan.pipes }, (_, descriptor) =>
      isInput(descriptor) ? new Pipe(world, parent, this) : new Pipe(world, this, parent),
    );
  }

  get stdin(): Readable {
    return this.#pipe(0).reader;
  }

  get stdout(): Writable {
    return this.#pipe(1).writer;
  }

  get stderr(): Writable {
    return this.#pipe(2).writer;
  }

  get descriptor3(): Readable | undefined {
    return this.#pipes[3]?.reader;
  }

  run(program: Program): void {
    const start = () => {
      for (const stream of [this.stdin, this.stdout, this.stderr, this.descriptor3])
        stream?.on('error', () => undefined);
      program(this).then(
        (status) => this.#end({ status, signal: null }),
        () => this.#end({ status: 1, signal: null }),
      );
    };
    this.#world.after(this.#ms(longestStartMs), start, this);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#world.after(ms, resolve, this));
  }

  die(signal: NodeJS.Signals): void {
    this.#end({ status: null, signal });
  }

  keepOutputsOpen(ms: number): void {
    this.#grandchildMs = ms;
  }

  onStray(): void {
    this.#end({ status: 1, signal: null });
  }

  /** Sends a signal to the process group. */
  signal(signal: NodeJS.Signals): void {
    if (this.hasGrandchild) this.#world.after(0, () => this.#endGrandchild(), this.#parent);
    if (!this.isAlive) return;
    this.#world.trace.add(this.#world.now, `${signal} to ${this.name}`);
    const { onTerm } = this;
    if (signal === 'SIGTERM' && onTerm) this.#world.after(0, onTerm, this);
    else this.#world.after(0, () => this.die(signal), this);
  }

  /** Closes the ends of the pipes that the parent held, as the end of the parent does. */
  orphan(): void {
    this.isOrphan = true;
    for (const [descriptor, pipe] of this.#pipes.entries())
      if (isInput(descriptor)) pipe.closeWriter();
      else pipe.closeReader();
  }

  /** Returns the process as its parent sees it. */
  view(): ChildProcess {
    const streams = this.#pipes.map(({ writer, reader }, descriptor) => (isInput(descriptor) ? writer : reader));
    const [stdin, stdout, stderr] = streams;
    const view = Object.assign(new EventEmitter(), { pid: this.pid, stdin, stdout, stderr, stdio: streams });
    this.on('end', ({ status, signal }: End) => {
      view.emit('exit', status, signal);
    });
    // A cast, because mq uses only these members of the class.
    return view as unknown as ChildProcess;
  }

  #end(end: End): void {
    if (!this.isAlive) return;
    this.#world.trace.add(this.#world.now, `exit ${this.name} ${end.status ?? end.signal}`);
    this.isAlive = false;
    for (const [descriptor, pipe] of this.#pipes.entries()) if (isInput(descriptor)) pipe.closeReader();
    this.hasGrandchild = this.#grandchildMs > 0;
    if (this.hasGrandchild) this.#world.later(this.#grandchildMs, () => this.#endGrandchild());
    else this.#closeOutputs();
    this.#world.after(this.#ms(longestWaitMs), () => this.emit('end', end), this.#parent);
  }

  #endGrandchild(): void {
    this.hasGrandchild = false;
    this.#closeOutputs();
  }

  #closeOutputs(): void {
    for (const [descriptor, pipe] of this.#pipes.entries()) if (!isInput(descriptor)) pipe.closeWriter();
  }

  #pipe(descriptor: number): Pipe {
    const pipe = this.#pipes[descriptor];
    if (pipe === undefined) throw new Error(`the process has no descriptor ${descriptor}`);
    return pipe;
  }

  #ms(most: number): number {
    return (most * this.#world.random.below(1000)) / 1000;
  }
}

interface ChildPlan {
  readonly pid: number;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Number of pipes. */
  readonly pipes: number;
}

/** Codes with which a process cannot be started. */
export type StartError = 'EAGAIN' | 'EMFILE' | 'ENFILE' | 'ENOENT' | 'ENOMEM';

interface ChildrenOptions {
  readonly world: World;
  readonly parent: Owner;
  readonly newPid: () => number;
  /** Returns the program of a command line. */
  readonly programOf: (args: readonly string[]) => Program;
  /** Returns the code of the error with which a start fails now. */
  readonly startError: () => StartError | undefined;
}

/** The children of a process. */
export class Children {
  readonly #options: ChildrenOptions;
  readonly #all = new Set<Child>();

  constructor(options: ChildrenOptions) {
    this.#options = options;
  }

  /** Implements Context.spawn. */
  spawn(file: string, args: readonly string[], { env = {}, stdio = [] }: SpawnOptions): ChildProcess {
    const { world, parent, newPid, programOf, startError } = this.#options;
    const code = startError();
    if (code !== undefined) return failedStart(world, parent, { file, args, code });
    const child = new Child(world, parent, { pid: newPid(), args, env, pipes: stdio.length });
    // A process that is killed here starts no program, although its code runs to the end of the event.
    world.effect(parent, () => {
      this.#all.add(child);
      child.run(programOf(args));
    });
    return child.view();
  }

  /** Implements Context.kill. */
  kill(id: number, signal: NodeJS.Signals): void {
    const child = [...this.#all].find(
      ({ pid, isAlive, hasGrandchild }) => pid === Math.abs(id) && (isAlive || hasGrandchild),
    );
    if (child === undefined)
      throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH', errno: -3, syscall: 'kill' });
    child.signal(signal);
  }

  /** Closes the pipes of all children, which live on without their parent. */
  orphan(): void {
    for (const child of this.#all) child.orphan();
  }

  get running(): number {
    return [...this.#all].filter(({ isAlive }) => isAlive).length;
  }
}

/** child_process.js: these errors are thrown or emitted, and with EMFILE and ENFILE there are no streams. */
function failedStart(
  world: World,
  parent: Owner,
  { file, args, code }: { file: string; args: readonly string[]; code: StartError },
): ChildProcess {
  const syscall = `spawn ${file}`;
  const errno = -constants.errno[code];
  const error = Object.assign(new Error(`${syscall} ${code}`), { code, errno, syscall, path: file, spawnargs: args });
  if (code === 'ENOMEM') throw error;
  const emitter = new EventEmitter();
  world.after(0, () => emitter.emit('error', error), parent);
  // A cast, because mq uses only these members of the class.
  return emitter as unknown as ChildProcess;
}

/** The parent writes to these descriptors. */
function isInput(descriptor: number): boolean {
  return descriptor === 0 || descriptor === 3;
}
